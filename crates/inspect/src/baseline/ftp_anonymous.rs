//! FTP that lets anybody in, or lets them write.
//!
//! In: vsftpd's and `ProFTPD`'s configuration. Fails for vsftpd's `anonymous_enable=YES`, and for `ProFTPD`'s `<Anonymous>`
//! in which `<Limit WRITE>` allows all. Source: `vsftpd.conf(5)`; `ProFTPD` documentation, "Anonymous", "Limit". Odd: what
//! vsftpd does without the line depends on how it was built, so only the line counts.

use plimsoll_model::Level;

use super::{Looking, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::{Grammar, apache, read},
    view::View,
    wanted::{Wanted, text},
};

const VSFTPD: &[&str] = &["etc/vsftpd.conf", "etc/vsftpd/vsftpd.conf"];
const PROFTPD: &[&str] =
    &["etc/proftpd.conf", "etc/proftpd/proftpd.conf", "etc/proftpd/conf.d/*.conf"];

#[derive(Debug)]
pub(crate) struct FtpAnonymous;

impl Check for FtpAnonymous {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Anonymous FTP",
            why: "anybody reads what lies there, or leaves files for others",
            source: "Alibaba Cloud baseline list; vsftpd.conf(5)",
            ..open_to_all("hc.image.checklist.identify.hc_exploit_ftp_linux.item", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("etc/vsftpd.conf"),
            text("etc/vsftpd/vsftpd.conf"),
            text("etc/proftpd.conf"),
            text("etc/proftpd/proftpd.conf"),
            text("etc/proftpd/conf.d/*.conf"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: anonymous_enable YES")
                .files(&[("etc/vsftpd.conf", "listen=YES\nanonymous_enable=YES\n")]),
            Example::fails("line 4: AllowAll of WRITE").files(&[(
                "etc/proftpd/proftpd.conf",
                "<Anonymous ~ftp>\n  User ftp\n  <Limit READ WRITE>\n    AllowAll\n  </Limit>\n</Anonymous>\n",
            )]),
            Example::passes().files(&[
                ("etc/vsftpd.conf", "anonymous_enable=YES\nanonymous_enable=NO\n"),
                (
                    "etc/proftpd/proftpd.conf",
                    "# <Anonymous ~ftp>\n<Anonymous ~ftp>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Anonymous>\n<Limit WRITE>\nAllowAll\n</Limit>\n",
                ),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for path in VSFTPD {
            let Some(file) = looking.text(path) else { continue };
            let settings = read(Grammar::Ini, file.text).list;
            let setting = settings.iter().rev().find(|one| one.key == "anonymous_enable");
            if let Some(setting) = setting
                && matches!(setting.value.to_ascii_uppercase().as_str(), "YES" | "TRUE" | "1")
            {
                let detail = format!("line {}: anonymous_enable YES", setting.line);
                looking.fail_at(&file.location, detail);
            }
        }
        for file in PROFTPD.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            let read = apache::read(file.text);
            if let Some(problem) = &read.problem {
                looking.unseen(&file.location.path, problem.clone());
            }
            for directive in read.directives.iter().filter(|one| one.name == "allowall") {
                let limit = read.section(directive, &["<limit"]);
                let is_write = limit.is_some_and(|limit| {
                    limit.arguments.iter().any(|word| {
                        word.eq_ignore_ascii_case("WRITE") || word.eq_ignore_ascii_case("STOR")
                    })
                });
                if is_write && read.section(directive, &["<anonymous"]).is_some() {
                    let detail = format!("line {}: AllowAll of WRITE", directive.line);
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
