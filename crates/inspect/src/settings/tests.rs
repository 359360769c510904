use super::*;

fn told(grammar: Grammar, text: &str) -> Vec<(String, String, String, usize)> {
    let settings = read(grammar, text);
    assert_eq!(settings.problem, None, "{text}");
    settings.list.into_iter().map(|one| (one.section, one.key, one.value, one.line)).collect()
}

fn rows(rows: &[(&str, &str, &str, usize)]) -> Vec<(String, String, String, usize)> {
    rows.iter()
        .map(|(section, key, value, line)| {
            ((*section).to_owned(), (*key).to_owned(), (*value).to_owned(), *line)
        })
        .collect()
}

#[test]
fn every_grammar_is_read() {
    for (grammar, text, wanted) in [
        (
            Grammar::Words,
            "# c\nbind 127.0.0.1 -::1\nrequirepass \"a b\"\n",
            &[("", "bind", "127.0.0.1 -::1", 2), ("", "requirepass", "a b", 3)][..],
        ),
        (
            Grammar::Options,
            "-d\n-l 0.0.0.0\nOPTIONS=\"-U 0 --x=y\"\n",
            &[("", "-d", "", 1), ("", "-l", "0.0.0.0", 2), ("", "-U", "0", 3), ("", "--x", "y", 3)],
        ),
        (
            Grammar::Properties,
            "! c\na=b\nc : d e\\\n  f\ng h\ni=j\\",
            &[("", "a", "b", 2), ("", "c", "d ef", 3), ("", "g", "h", 5), ("", "i", "j", 6)],
        ),
        (
            Grammar::Ini,
            "a=1\n[x]\n; c\nb = \"c # d\" # e\nskip\n!includedir /f\n",
            &[
                ("", "a", "1", 1),
                ("x", "b", "c # d", 4),
                ("x", "skip", "", 5),
                ("x", "!includedir", "/f", 6),
            ],
        ),
        (
            Grammar::Yaml,
            "a:\n  b: 1\n  c: [x, y]\nd.e: ~\n---\nf: &n v\ng: *n\nh: []\n",
            &[
                ("", "a.b", "1", 2),
                ("", "a.c", "x", 3),
                ("", "a.c", "y", 3),
                ("", "d.e", "", 4),
                ("", "f", "v", 6),
                ("", "g", "v", 7),
                ("", "h", "[]", 8),
            ],
        ),
        (
            Grammar::Json,
            "{\"a\": {\n\"b\": [1, true]},\n\"c\": null}",
            &[("", "a.b", "1", 2), ("", "a.b", "true", 2), ("", "c", "", 3)],
        ),
        (
            Grammar::Hadoop,
            "<configuration>\n<property><name>a</name>\n<value>b&amp;c</value></property></configuration>",
            &[("", "a", "b&c", 2)],
        ),
        (
            Grammar::Xml,
            "<a b='c'>\n<d>e</d><!-- <d>f</d> --></a>",
            &[("", "a@b", "c", 1), ("", "a", "", 1), ("", "a.d", "e", 2)],
        ),
        (
            Grammar::Nginx,
            "http { # c\n  listen \"80 x\" y;\n}",
            &[("", "http", "", 1), ("", "listen", "80 x y", 2)],
        ),
        (Grammar::Python, "c.A.token = u'' # none\nif x == 1:\n", &[("", "c.A.token", "", 1)]),
    ] {
        assert_eq!(told(grammar, text), rows(wanted), "{grammar:?}");
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let deep = "[".repeat(200);
    let nested = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    let blocks = "a {".repeat(100);
    let long = "a=b\n".repeat(MAX_SETTINGS + 1);
    let bomb = "a: &a [x]\nb: [*a, *a]\n";
    for (grammar, text) in [
        (Grammar::Yaml, deep.as_str()),
        (Grammar::Yaml, "a: b\n - c: }"),
        (Grammar::Yaml, bomb),
        (Grammar::Json, &nested),
        (Grammar::Json, "{"),
        (Grammar::Xml, "<a><!-- "),
        (Grammar::Xml, &"<a>".repeat(100)),
        (Grammar::Nginx, &blocks),
        (Grammar::Nginx, "a }"),
        (Grammar::Ini, &long),
    ] {
        assert!(read(grammar, text).problem.is_some(), "{grammar:?}");
    }
    let apache = apache::read(&"<A>\n".repeat(100));
    assert!(apache.problem.is_some());
}

#[test]
fn apache_s_sections_are_known() {
    let read = apache::read(
        "ServerRoot \"/etc/httpd\"\n<Directory \"/var/www\">\n  Options \\\n  Indexes\n</Directory>\n<IfModule !x>\nTraceEnable on\n</IfModule>\n",
    );
    let named = |name: &str| read.directives.iter().find(|one| one.name == name).unwrap();
    assert_eq!(named("options").arguments, ["Indexes"]);
    assert_eq!(named("options").line, 3);
    let section = read.section(named("options"), &["<directory"]).unwrap();
    assert_eq!(section.arguments, ["/var/www"]);
    assert!(read.is_off(named("traceenable")) && !read.is_off(named("options")));
}

const ALL: &[Grammar] = &[
    Grammar::Words,
    Grammar::Options,
    Grammar::Properties,
    Grammar::Ini,
    Grammar::Yaml,
    Grammar::Json,
    Grammar::Hadoop,
    Grammar::Xml,
    Grammar::Nginx,
    Grammar::Python,
];

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "(?s).{0,300}", noise in "[-a-c \t\n={}\\[\\]<>/:;\"'#&*!|$\\\\,]{0,300}") {
        for text in [&text, &noise] {
            // YAML ends lines at carriage returns, too.
            let lines = text.matches(['\n', '\r']).count() + 2;
            for grammar in ALL {
                let settings = read(*grammar, text);
                assert!(settings.list.iter().all(|one| one.line >= 1 && one.line <= lines), "{grammar:?}");
            }
            let _read = apache::read(text);
        }
    }

    #[test]
    fn the_last_value_is_the_last_line(values in proptest::collection::vec("[a-z]{1,8}", 1..20)) {
        for (grammar, sign) in [(Grammar::Words, " "), (Grammar::Properties, "="), (Grammar::Ini, " = ")] {
            let text: String = values.iter().map(|value| format!("key{sign}{value}\n")).collect();
            let settings = read(grammar, &text);
            let last = settings.list.last().unwrap();
            assert_eq!((&last.value, last.line), (values.last().unwrap(), values.len()));
        }
    }
}
