//! What is said, against what receivers may take.

use plimsoll_model::{Priority, Secret, Timestamp};

use super::{
    Destination, channels,
    compose::sample,
    concealed,
    event::{Event, EventKind},
    networks, text,
};

fn event(kind: EventKind) -> Event {
    Event {
        id: "1".to_owned(),
        kind,
        time: Timestamp(1_795_600_000),
        subscription: "ops".to_owned(),
        console: None,
        news: sample(Some("https://plimsoll.test")),
    }
}

#[test]
fn channels_have_names_of_their_own_and_say_what_they_take() {
    let mut ids: Vec<&str> = channels().iter().map(|channel| channel.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, ["dingtalk", "email", "slack", "webhook"]);
    for channel in channels() {
        assert!(channel.about().ends_with('.') && channel.takes().contains(&"url"));
    }
}

#[test]
fn what_a_receiver_repeats_of_its_address_and_secret_is_not_repeated() {
    let destination = Destination {
        url: Some("https://oapi.example.com/robot/send?access_token=0123456789abcdef".to_owned()),
        ..Destination::default()
    };
    let secret = Secret::new("SECd1ngt4lk".to_owned());
    for (says, wanted) in [
        ("token 0123456789abcdef is not exist", "token … is not exist"),
        ("sign with SECd1ngt4lk failed", "sign with … failed"),
        ("keywords not in content", "keywords not in content"),
    ] {
        assert_eq!(concealed(&destination, Some(&secret), says), wanted);
    }
}

#[test]
fn an_event_is_told_in_whole_sentences() {
    let mut event = event(EventKind::Changed);
    assert_eq!(
        text::headline(&event),
        "2 vulnerabilities changed, 1 of them urgent; 1 new image has what must be fixed as soon as possible"
    );
    let says: Vec<String> = text::lines(&event)
        .into_iter()
        .map(|line| format!("{} {}", line.name, line.says))
        .collect();
    assert_eq!(
        says,
        [
            "CVE-2021-44228 now hits 212 images, 17 newly, 3 cleared (as soon as possible). Fixed in 2.15.0. \
             Remote code execution in Log4j 2",
            "CVE-2023-0464 no longer hits any image: 40 cleared",
            "shop/web-4:1.4 is new: 2 to fix as soon as possible, 3 later",
        ]
    );
    event.news.new_images.clear();
    event.news.vulnerabilities.truncate(1);
    event.news.vulnerabilities[0].priority_before = Some(Priority::Nntf);
    assert_eq!(text::headline(&event), "CVE-2021-44228 now hits 212 images, 17 newly, 3 cleared");
    let line = text::lines(&event).remove(0);
    assert!(line.says.contains("(as soon as possible; was: no need to fix now)"), "{}", line.says);
    assert_eq!(text::rest(&event, 1), None);
    event.news.more_vulnerabilities = 4;
    assert_eq!(text::rest(&event, 0).as_deref(), Some("and 5 more"));
}

#[test]
fn what_others_wrote_stays_one_line_of_text() {
    let mut event = event(EventKind::Changed);
    let one = &mut event.news.vulnerabilities[0];
    one.title = Some("<!channel>\r\nBcc: all\u{202e}\u{2028}[x](http://evil)".to_owned());
    let line = text::lines(&event).remove(0);
    assert!(!line.says.contains(['\r', '\n', '\u{202e}', '\u{2028}']), "{:?}", line.says);
}

#[test]
fn networks_are_a_list() {
    assert_eq!(networks("").unwrap(), []);
    assert_eq!(networks(" 10.0.0.0/8, 127.0.0.1 ,").unwrap().len(), 2);
    assert!(networks("10.0.0.0/8 x").is_err());
}
