use plimsoll_model::{Ecosystem, ImageIdentity, Location, Verdict};
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> String {
    Expression::read(text).map_or_else(|| "unknown".to_owned(), |read| read.to_string())
}

#[test]
fn names_of_all_origins_are_understood() {
    for (text, wanted) in [
        // SPDX.
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("(MIT OR GPL-2.0+)", "GPL-2.0-or-later OR MIT"),
        ("MIT AND (Apache-2.0 OR BSD-3-Clause)", "MIT AND (Apache-2.0 OR BSD-3-Clause)"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("Apache-2.0 WITH LLVM-exception OR MIT", "Apache-2.0 WITH LLVM-exception OR MIT"),
        ("LicenseRef-Acme", "LicenseRef-Acme"),
        ("EPL-1.0+", "EPL-1.0+"),
        // Debian.
        ("Expat", "MIT"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2+ and LGPL-2.1", "GPL-2.0-or-later AND LGPL-2.1-only"),
        ("LGPL-2+, and GPL-3", "GPL-3.0-only AND LGPL-2.0-or-later"),
        ("GPL-3+ or Artistic-2.0, or MIT", "Artistic-2.0 OR GPL-3.0-or-later OR MIT"),
        ("public-domain", "LicenseRef-public-domain"),
        // RPM.
        ("GPLv2+ and LGPLv2+ and BSD", "GPL-2.0-or-later AND LGPL-2.0-or-later AND LicenseRef-BSD"),
        ("ASL 2.0 or MIT", "Apache-2.0 OR MIT"),
        ("GPLv3+ with exceptions", "GPL-3.0-or-later WITH unnamed"),
        (
            "(GPLv2+ or Artistic 2.0) and Public Domain",
            "LicenseRef-public-domain AND (Artistic-2.0 OR GPL-2.0-or-later)",
        ),
        ("GPL+ or Artistic", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        ("LGPLv2.1+", "LGPL-2.1-or-later"),
        // apk.
        ("GPL-2.0-only MIT", "GPL-2.0-only AND MIT"),
        // Python.
        (
            "License :: OSI Approved :: GNU General Public License v2 or later (GPLv2+)",
            "GPL-2.0-or-later",
        ),
        ("License :: OSI Approved :: BSD License", "LicenseRef-BSD"),
        ("Apache Software License", "LicenseRef-Apache"),
        ("BSD or Apache License, Version 2.0", "Apache-2.0 OR LicenseRef-BSD"),
        ("BSD-like", "LicenseRef-BSD"),
        ("MPL-2.0", "MPL-2.0"),
        // npm.
        ("MIT/X11", "MIT OR X11"),
        ("SEE LICENSE IN LICENSE.md", "unknown"),
        ("UNLICENSED", "LicenseRef-proprietary"),
        // Maven.
        ("The Apache Software License, Version 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        (
            "Apache License, Version 2.0; see: http://www.apache.org/licenses/LICENSE-2.0.txt",
            "Apache-2.0",
        ),
        ("Apache 2", "Apache-2.0"),
        (
            "CDDL + GPLv2 with classpath exception",
            "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
        ),
        ("Eclipse Public License - v 2.0", "EPL-2.0"),
        ("GNU Lesser General Public License", "LicenseRef-LGPL"),
        ("GNU Library or Lesser General Public License (LGPL)", "LicenseRef-LGPL"),
        ("The BSD License", "LicenseRef-BSD"),
        ("New BSD License", "BSD-3-Clause"),
        ("LGPL", "LicenseRef-LGPL"),
        // R and Perl.
        ("GPL (>= 2)", "GPL-2.0-or-later"),
        ("GPL-2 | GPL-3", "GPL-2.0-only OR GPL-3.0-only"),
        ("MIT + file LICENSE", "LicenseRef-notice AND MIT"),
        ("perl_5", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        // Nothing.
        ("", "unknown"),
        ("NOASSERTION", "unknown"),
        ("MIT OR", "unknown"),
        ("(MIT", "unknown"),
        ("MIT OR whatever it takes", "unknown"),
        ("GPL-2.0-only OR", "unknown"),
    ] {
        assert_eq!(read(text), wanted, "{text}");
    }
}

#[test]
fn categories_say_what_is_asked_for() {
    for (text, wanted) in [
        ("MIT", Category::Permissive),
        ("PSF-2.0", Category::Permissive),
        ("LicenseRef-BSD", Category::Permissive),
        ("Apache-2.0", Category::Permissive),
        ("CC-BY-4.0", Category::Permissive),
        ("CC0-1.0", Category::PublicDomain),
        ("LGPL-2.1-or-later", Category::WeakCopyleft),
        ("MPL-2.0", Category::WeakCopyleft),
        ("GPL-3.0-only", Category::Copyleft),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Category::WeakCopyleft),
        ("GPL-3.0-or-later WITH unnamed exception", Category::Copyleft),
        ("CC-BY-SA-4.0", Category::Copyleft),
        ("AGPL-3.0-only", Category::NetworkCopyleft),
        ("SSPL-1.0", Category::Restricted),
        ("CC-BY-NC-4.0", Category::Restricted),
        ("BUSL-1.1", Category::Restricted),
        ("LicenseRef-Acme", Category::Other),
    ] {
        let Some(Expression::One(term)) = Expression::read(text) else { panic!("{text}") };
        assert_eq!(term.category(), wanted, "{text}");
        assert_eq!(wanted.to_string().parse(), Ok(wanted));
    }
}

fn policy(text: &str) -> LicencePolicy {
    LicencePolicy::new(&toml::from_str::<LicenceRules>(text).unwrap()).unwrap()
}

#[test]
fn the_nearest_entry_decides_and_choices_are_taken_kindly() {
    let policy = policy(
        "allow = ['permissive', 'GPL-2.0-only', 'weak-copyleft', 'GPL-3.0-only OR SSPL-1.0']\n\
         warn = ['LGPL-*']\ndeny = ['copyleft', 'MPL-1.1', 'GPL-2.0-only WITH Font-exception-2.0']\n",
    );
    use LicenceRuling::{Allow, Deny, Warn};
    for (text, wanted) in [
        ("MIT", Allow),
        ("GPL-3.0-only", Deny),
        ("GPL-2.0-only", Allow),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Allow),
        ("GPL-2.0-only WITH Font-exception-2.0", Deny),
        ("LGPL-2.1-only", Warn),
        ("MPL-2.0", Allow),
        ("MPL-1.1", Deny),
        ("MIT OR GPL-3.0-only", Allow),
        ("MIT AND GPL-3.0-only", Deny),
        ("MIT AND LGPL-3.0-only", Warn),
        ("GPL-3.0-only OR LGPL-3.0-only", Warn),
        ("GPL-3.0-only OR SSPL-1.0", Allow),
        // In no list; and there is a list of what is allowed.
        ("SSPL-1.0", Deny),
        ("CC0-1.0", Deny),
    ] {
        assert_eq!(policy.ruling(&Expression::read(text).unwrap()), wanted, "{text}");
    }
    let lenient = self::policy("deny = ['network-copyleft']");
    assert_eq!(lenient.ruling(&Expression::read("SSPL-1.0").unwrap()), Allow);
}

#[test]
fn rules_that_mean_nothing_are_refused() {
    for (text, wanted) in [
        ("deny = ['GPL3-or-so']", "`GPL3-or-so` in `deny` is no SPDX id"),
        ("deny = ['MIT']\nallow = ['MIT']", "`MIT` is in two lists"),
        ("[[exceptions]]\npackage = 'a'\nreason = ' '", "needs a package and a reason"),
        ("[[exceptions]]\npackage = 'a'\nreason = 'r'\nexpires = 'soon'", "`soon` is not a time"),
        (
            "[[clarify]]\npackage = 'a'\nreason = 'r'\nlicense = 'who knows'",
            "no licence expression",
        ),
    ] {
        let rules = toml::from_str::<LicenceRules>(text).unwrap();
        let problem = LicencePolicy::new(&rules).unwrap_err().to_string();
        assert!(problem.contains(wanted), "{problem}");
    }
    assert!(toml::from_str::<LicenceRules>("denied = []").is_err());
}

fn package(name: &str, licence: &str) -> Package {
    Package {
        ecosystem: Ecosystem::named("npm"),
        release: None,
        name: name.to_owned(),
        version: "1".to_owned(),
        source: None,
        purl: format!("pkg:npm/{name}@1"),
        locations: vec![Location { path: "srv/a".to_owned(), layer: None }],
        found_by: "npm".to_owned(),
        extra: if licence.is_empty() {
            BTreeMap::new()
        } else {
            BTreeMap::from([("license".to_owned(), licence.to_owned())])
        },
    }
}

fn report(packages: Vec<Package>) -> Report {
    Report {
        image: ImageIdentity {
            name: "x".to_owned(),
            source: "rootfs".to_owned(),
            digest: None,
            id: None,
            platform: None,
            size: 0,
            layers: Vec::new(),
            distribution: None,
        },
        coverage: Coverage::new(Vec::new(), Vec::new()),
        feed: None,
        packages,
        findings: Vec::new(),
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

#[test]
fn packages_become_findings_gaps_or_nothing() {
    let packages = || {
        vec![
            package("copyleft", "GPL-3.0-only"),
            package("excepted", "GPL-3.0-only"),
            package("mended", "what?"),
            package("silent", ""),
            package("strange", "my own words"),
            package("fine", "MIT"),
        ]
    };
    let rules = "deny = ['copyleft']\n[[exceptions]]\npackage = 'exc*'\nlicense = 'GPL-3.0-only'\nreason = 'r'\n\
        expires = 2027-01-01\n[[clarify]]\npackage = 'pkg:npm/mended'\nlicense = 'MIT'\nreason = 'r'\n";
    let looked = |more: &str, now: &str| {
        let mut report = report(packages());
        look(&policy(&format!("{more}{rules}")), now.parse().unwrap(), &mut report);
        report
    };
    let report = looked("", "2026-12-01");
    let found: Vec<(&str, &str, Level)> = report
        .findings
        .iter()
        .map(|finding| {
            let Subject::Purl(purl) = &finding.subject else { panic!() };
            (finding.id.as_str(), purl.as_str(), finding.level)
        })
        .collect();
    assert_eq!(found, [("GPL-3.0-only", "pkg:npm/copyleft@1", Level::High)]);
    assert_eq!(report.findings[0].extra["rule"], "deny = \"copyleft\"");
    assert_eq!(report.coverage.verdict, Verdict::Partial);
    let gap = &report.coverage.gaps[0];
    assert_eq!(gap.reason, GapReason::UnknownLicence);
    assert_eq!(gap.detail, "the licences of 2 packages are not known: `silent`, `strange`");
    // The exception ran out.
    assert_eq!(looked("", "2027-01-01").findings.len(), 2);
    let levels = |more: &str| -> Vec<Level> {
        let report = looked(more, "2026-12-01");
        assert_eq!(report.coverage.verdict, Verdict::Complete);
        report.findings.iter().map(|finding| finding.level).collect()
    };
    assert_eq!(levels("unknown = 'finding'\n"), [Level::High, Level::Unknown, Level::Unknown]);
    assert_eq!(levels("unknown = 'deny'\n"), [Level::High, Level::High, Level::High]);
    assert_eq!(levels("unknown = 'ignore'\n"), [Level::High]);
}

#[test]
fn long_or_deep_texts_end() {
    for text in ["(".repeat(4_000), "MIT AND ".repeat(500), "x ".repeat(2_000), "x".repeat(1 << 20)]
    {
        assert_eq!(Expression::read(&text), None);
    }
    let many = ["MIT"; 500].join(" OR ");
    assert_eq!(read(&many), "MIT");
}

fn expression() -> impl Strategy<Value = Expression> {
    let ids = [
        "MIT",
        "Apache-2.0",
        "GPL-2.0-only",
        "LGPL-2.1-or-later",
        "AGPL-3.0-only",
        "LicenseRef-BSD",
    ];
    let one = (0..ids.len(), prop::bool::weighted(0.2)).prop_map(move |(at, is_with)| {
        let exception = is_with.then(|| "Classpath-exception-2.0".to_owned());
        Expression::One(Term { licence: ids[at].to_owned(), exception })
    });
    one.prop_recursive(3, 12, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>())
            .prop_map(|(parts, is_choice)| Expression::of(parts, is_choice))
    })
}

impl Expression {
    fn of(parts: Vec<Self>, is_choice: bool) -> Self {
        Self::together(parts, is_choice).unwrap()
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(expression in expression()) {
        prop_assert_eq!(Expression::read(&expression.to_string()), Some(expression));
    }

    #[test]
    fn a_choice_is_never_harsher_and_a_demand_never_kinder(one in expression(), other in expression()) {
        let policy = policy("allow = ['permissive']\nwarn = ['weak-copyleft']\ndeny = ['copyleft']\notherwise = 'warn'");
        let both = [policy.ruling(&one), policy.ruling(&other)];
        let choice = Expression::of(vec![one.clone(), other.clone()], true);
        let demand = Expression::of(vec![one, other], false);
        prop_assert_eq!(policy.ruling(&choice), both[0].min(both[1]));
        prop_assert_eq!(policy.ruling(&demand), both[0].max(both[1]));
    }

    #[test]
    fn any_text_is_an_expression_or_none(text in "(MIT|GPL|v2|\\+|or|and|with|later|\\(|\\)|,|/|::|>=| |[a-z]){0,30}") {
        if let Some(read) = Expression::read(&text) {
            prop_assert_eq!(Expression::read(&read.to_string()), Some(read));
        }
    }
}

#[test]
fn names_that_only_a_debian_package_explains_stand_as_its_own() {
    for (text, wanted) in [
        ("GPL-2+", Some("GPL-2.0-or-later")),
        ("(GPL-2+ or Artistic) and Expat", Some("(GPL-2.0-or-later OR Artistic-1.0) AND MIT")),
        ("Expat and permissive_x", Some("MIT AND LicenseRef-permissive-x")),
        ("BSD-3-clause~Google", Some("LicenseRef-BSD-3-clause-Google")),
        (
            "(REGCOMP, and GPL-1+ or Artistic) and Expat",
            Some("LicenseRef-REGCOMP AND (GPL-1.0-or-later OR Artistic-1.0) AND MIT"),
        ),
        ("Expat and (something of ours)", None),
        ("", None),
    ] {
        assert_eq!(Expression::of_debian(text), wanted.and_then(Expression::read), "{text}");
    }
}
