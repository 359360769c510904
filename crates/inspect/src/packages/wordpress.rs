//! WordPress: itself, its plug-ins and its themes.
//!
//! In: of `wp-includes/version.php` the line `$wp_version = '6.4.2';`; of a plug-in's PHP file and a theme's `style.css` the
//! header of `Name: value` lines in the first 8 KiB. Out: one package. Source: WordPress Developer Resources, "Header
//! Requirements" and "Main Stylesheet"; WordPress, `get_file_data`.
//!
//! Odd: a plug-in or theme is known by its folder (the slug), for its name is free text; any PHP file of the folder may be
//! the one with the header; a plug-in of one file lies beside the folders. `Stable tag` of `readme.txt` is what the
//! directory of plug-ins serves, and no statement of what is here: it is not read.

use plimsoll_image::EntryMeta;

use super::lock::{LockFile, Locked};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const WORDPRESS: &str = "WordPress";

/// WordPress reads so much of a file for its header.
const HEAD: u64 = 8 << 10;

/// What a file is to WordPress.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Core,
    Plugin,
    Theme,
}

/// Kind of a path, and the slug for those that have one.
fn place(path: &[u8]) -> Option<(Kind, &[u8])> {
    if paths::ends_with(path, b"wp-includes/version.php") {
        return Some((Kind::Core, b"wordpress"));
    }
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let (file, folder) = (parts.next()?, parts.next()?);
    let (above, content) = (parts.next(), parts.next());
    let is_plugins = |folder: &[u8]| matches!(folder, b"plugins" | b"mu-plugins");
    if let Some(stem) = file.strip_suffix(b".php") {
        if is_plugins(folder) && above == Some(b"wp-content") {
            return Some((Kind::Plugin, stem));
        }
        return (above.is_some_and(is_plugins) && content == Some(b"wp-content"))
            .then_some((Kind::Plugin, folder));
    }
    let is_theme =
        file == b"style.css" && above == Some(b"themes") && content == Some(b"wp-content");
    is_theme.then_some((Kind::Theme, folder))
}

/// Reads WordPress and what extends it.
#[derive(Debug)]
pub(crate) struct WordPress;

impl Parser for WordPress {
    fn id(&self) -> &'static str {
        "wordpress"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "wp-includes/version.php, wp-content/plugins/*/*.php, wp-content/themes/*/style.css"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        place(path).map(|_| Want::Head { limit: HEAD })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let Some((kind, slug)) = place(file.path.as_bytes()) else {
            return Ok(FileFacts::default());
        };
        let name_field = match kind {
            Kind::Core => return core(&text),
            Kind::Plugin => "Plugin Name",
            Kind::Theme => "Theme Name",
        };
        // Most PHP files of a plug-in have no header.
        let (Some(title), Some(version)) = (header(&text, name_field), header(&text, "Version"))
        else {
            return Ok(FileFacts::default());
        };
        let name = String::from_utf8_lossy(slug);
        let mut installed = LockFile::installed(WORDPRESS);
        installed.add(&Locked {
            namespace: Some(if kind == Kind::Plugin {
                "wordpress-plugin"
            } else {
                "wordpress-theme"
            }),
            name: &name,
            version,
            license: header(&text, "License").filter(|license| license.len() <= 100),
            extra: &[("title", title)],
            ..Locked::default()
        });
        Ok(installed.finish())
    }
}

fn core(text: &str) -> Result<FileFacts, ParseError> {
    let version = text.lines().find_map(|line| {
        let value =
            line.trim_start().strip_prefix("$wp_version")?.trim_start().strip_prefix('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|first| ['"', '\''].contains(first))?;
        Some(value.get(1..)?.split_once(quote)?.0)
    });
    let version = version.ok_or(ParseError::Missing("$wp_version"))?;
    let mut installed = LockFile::installed(WORDPRESS);
    installed.add(&Locked { name: "wordpress", version, ..Locked::default() });
    Ok(installed.finish())
}

/// The value of a header's field: behind comment signs at the beginning of a line, whatever the case of its name.
fn header<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let line = line.trim_start_matches([' ', '\t', '/', '*', '#', '@']);
        let line = line
            .strip_prefix("<?php")
            .map_or(line, |rest| rest.trim_start_matches([' ', '\t', '/', '*', '#', '@']));
        let (name, value) = line.split_once(':')?;
        let value = value.trim().trim_end_matches("*/").trim_end_matches("?>").trim();
        (name.trim_end().eq_ignore_ascii_case(field) && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_they_are() {
        let slug = |path: &str| {
            place(path.as_bytes()).map(|(_, slug)| String::from_utf8_lossy(slug).into_owned())
        };
        let wp = "var/www/html/wp-content";
        assert_eq!(slug(&format!("{wp}/plugins/akismet/akismet.php")).as_deref(), Some("akismet"));
        assert_eq!(slug(&format!("{wp}/plugins/hello.php")).as_deref(), Some("hello"));
        assert_eq!(slug(&format!("{wp}/mu-plugins/a.php")).as_deref(), Some("a"));
        assert_eq!(slug(&format!("{wp}/plugins/akismet/views/a.php")), None);
        assert_eq!(slug(&format!("{wp}/themes/x/style.css")).as_deref(), Some("x"));
        assert_eq!(slug(&format!("{wp}/themes/x/css/style.css")), None);
        assert_eq!(slug("opt/plugins/x/y.php"), None);
        assert_eq!(slug("srv/wp-includes/version.php").as_deref(), Some("wordpress"));
    }

    #[test]
    fn headers_are_comments() {
        let text = "<?php\n/**\n * Plugin Name: Akismet\n * VERSION:  5.1 \n */";
        assert_eq!(header(text, "Version"), Some("5.1"));
        assert_eq!(header("<?php // Plugin Name: X", "Plugin Name"), Some("X"));
        assert_eq!(header("/* Theme Name: T */", "Theme Name"), Some("T"));
        assert_eq!(header("$a = ['Version: 1'];", "Version"), None);
    }
}
