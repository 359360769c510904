//! Applications that run as their developers run them.
//!
//! In: the image's environment, and `settings.py` of Django projects. Fails for the variables by which frameworks are put
//! into their debug or development mode, and for `DEBUG = True`. Source: the frameworks' own documentation.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::{Grammar, read},
    view::View,
    wanted::{Wanted, text},
};

const SETTINGS: &str = "**/settings.py";
const FLAGS: &[&str] = &["FLASK_DEBUG", "DJANGO_DEBUG", "APP_DEBUG"];
const MODES: &[&str] = &[
    "FLASK_ENV",
    "NODE_ENV",
    "RAILS_ENV",
    "RACK_ENV",
    "APP_ENV",
    "ASPNETCORE_ENVIRONMENT",
    "DOTNET_ENVIRONMENT",
];

#[derive(Debug)]
pub(crate) struct DebugMode;

impl Check for DebugMode {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Debug or development mode",
            why: "error pages show source and environment, and some let visitors run commands",
            remedy: "set the mode to production in the image, and debug elsewhere",
            source: "documentation of Flask, Django, Node.js, Rails, Laravel, ASP.NET Core",
            ..about("debug_mode", "hc_best_secruity", "app", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(SETTINGS)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("FLASK_DEBUG=1").environment(&["FLASK_DEBUG=1"]),
            Example::fails("NODE_ENV=development").environment(&["NODE_ENV=development"]),
            Example::fails("line 3: DEBUG = True").files(&[(
                "app/shop/settings.py",
                "from django.conf import x\nDEBUG = False\nDEBUG = True  # for now\nINSTALLED_APPS = []\n",
            )]),
            Example::passes()
                .environment(&["NODE_ENV=production", "FLASK_DEBUG=0"])
                .files(&[("app/shop/settings.py", "DEBUG = env('DEBUG')\nINSTALLED_APPS = []\n")]),
            // A library's own, and one of something else.
            Example::passes().files(&[
                ("usr/lib/python3/dist-packages/x/settings.py", "DEBUG = True\nINSTALLED_APPS = []\n"),
            ]),
            Example::passes().files(&[("app/game/settings.py", "DEBUG = True\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for (name, value) in view.environment() {
            let lower = value.to_ascii_lowercase();
            let is_flag = FLAGS.contains(&name);
            let is_mode = MODES.contains(&name);
            if is_flag || is_mode {
                looking.applies();
            }
            if (is_flag && matches!(lower.as_str(), "1" | "true" | "yes" | "on"))
                || (is_mode && lower == "development")
            {
                looking.fail(format!("{name}={value}"));
            }
        }
        for file in looking.all(SETTINGS) {
            let path = &file.location.path;
            if path.contains("site-packages/") || path.contains("dist-packages/") {
                continue;
            }
            let settings = read(Grammar::Python, file.text).list;
            // What is no project of Django's has no applications.
            let is_django = settings
                .iter()
                .any(|one| matches!(one.key.as_str(), "INSTALLED_APPS" | "ROOT_URLCONF"));
            let debug = settings.iter().rev().find(|one| one.key == "DEBUG");
            if let Some(debug) = debug
                && is_django
                && debug.value == "True"
            {
                looking.fail_at(&file.location, format!("line {}: DEBUG = True", debug.line));
            }
        }
        looking.outcome()
    }
}
