"""Clicks through the console of a running demo with a real browser.

In: the console's address as argument, the admin token as PLIMSOLL_ADMIN_TOKEN, and optionally a folder for screenshots.
Out: a line per page; exit code 1 with what is wrong. Odd: everything is done by links and forms, as without JavaScript,
and once with the keyboard alone.
"""

import os
import pathlib
import sys
import tempfile

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait


def browser(profile, javascript=True, width=1280):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={profile}", f"--window-size={width},900"):
        options.add_argument(flag)
    if not javascript:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def text(driver):
    return driver.find_element(By.TAG_NAME, "body").text


def wait(driver, what, condition):
    """Waits until a page shows something. The page before may still be there, or go while it is looked at."""
    waiting = WebDriverWait(driver, 20, ignored_exceptions=[StaleElementReferenceException])
    try:
        waiting.until(lambda _: condition())
    except TimeoutException:
        raise AssertionError(f"waited for {what} at {driver.current_url}:\n{text(driver)[:2000]}") from None


class Tour:
    def __init__(self, driver, folder, label):
        self.driver, self.folder, self.label, self.number = driver, folder, label, 0

    def seen(self, what):
        print(f"{self.label}: {what}: {self.driver.current_url}")
        # The refusal of the wrong token is a 403, which the browser reports whenever it gets to it.
        expected = ("/console/login - Failed to load resource: the server responded with a status of 403", "favicon")
        severe = [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"
                  and not any(text in entry["message"] for text in expected)]
        assert not severe, f"{what}: the browser complains: {severe}"
        overflow = self.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 1, f"{what}: the page is {overflow} pixels wider than the window"
        if self.folder:
            self.number += 1
            self.driver.save_screenshot(str(self.folder / f"{self.label}-{self.number:02}-{what.replace(' ', '-')}.png"))

    def run(self, address, token):
        driver = self.driver
        driver.get(address)
        wait(driver, "the log-in", lambda: driver.find_elements(By.CSS_SELECTOR, "input[type=password]"))
        self.seen("log-in")
        field = driver.find_element(By.CSS_SELECTOR, "input[type=password]")
        field.send_keys("not the token", Keys.ENTER)
        wait(driver, "the refusal", lambda: driver.find_elements(By.CSS_SELECTOR, "input[type=password]")
             and "not" in text(driver).lower())
        field = driver.find_element(By.CSS_SELECTOR, "input[type=password]")
        field.send_keys(token, Keys.ENTER)
        wait(driver, "the risk list", lambda: "storefront" in text(driver))
        self.seen("risk list")
        listed = driver.find_elements(By.CSS_SELECTOR, "main a[href*='/console/images/']")
        assert len(listed) >= 6, f"six images are listed, not {len(listed)}"
        search = driver.find_element(By.CSS_SELECTOR, "main form input[type=search], main form input[type=text]")
        search.clear()
        search.send_keys("ledger", Keys.ENTER)
        wait(driver, "the filtered list", lambda: "ledger" in text(driver) and "storefront" not in text(driver))
        self.seen("filtered list")
        driver.find_element(By.CSS_SELECTOR, "main a[href*='/console/images/']").click()
        wait(driver, "the image", lambda: "CVE-2021-44228" in text(driver))
        assert "log4j-core" in text(driver)
        self.seen("image")
        driver.find_element(By.CSS_SELECTOR, "a[href*='/history#views']").click()
        wait(driver, "its history", lambda: driver.find_elements(By.CSS_SELECTOR, "svg.history rect.asap"))
        assert "Each change of a counter" in text(driver)
        self.seen("history")
        driver.find_element(By.CSS_SELECTOR, "a[href='/console/changes']").click()
        wait(driver, "what changed", lambda: "What changed" in text(driver) and "ledger" in text(driver))
        self.seen("changes")
        driver.find_element(By.CSS_SELECTOR, "a[href*='/console/ranking']").click()
        wait(driver, "the ranking", lambda: "ledger" in text(driver) and "forum" in text(driver))
        self.seen("ranking")


def main():
    address, token = sys.argv[1], os.environ["PLIMSOLL_ADMIN_TOKEN"]
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    for label, width in (("wide", 1280), ("narrow", 500)):
        with tempfile.TemporaryDirectory() as profile:
            driver = browser(profile, width=width)
            try:
                Tour(driver, folder, label).run(address, token)
            finally:
                driver.quit()


main()
