//! nginx's `alias` behind a location without its slash.
//!
//! In: nginx's configuration with what it includes. Fails for `location /x { alias /folder/; }`: a request for `/x../` then
//! leads out of the folder. Source: nginx documentation, "alias". Odd: exact locations and regular expressions are safe.

use plimsoll_model::{Level, Location};

use super::{
    Looking, MAX_DEPTH, MAX_FILES, TOO_MANY, about,
    service::expand,
    services::web::{NGINX_FILES, NGINX_PROGRAMS, NGINX_ROOTS},
    weight,
};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    settings::nginx,
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct NginxAliasTraversal;

impl Check for NginxAliasTraversal {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "nginx's alias leads out of its folder",
            why: "visitors read the files of the folder above, such as settings and databases",
            remedy: "end the location with a slash as its alias does",
            source: "nginx documentation, alias",
            ..about("nginx_alias_traversal", "hc_best_secruity", "nginx", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        NGINX_FILES
    }

    fn programs(&self) -> &'static [&'static str] {
        NGINX_PROGRAMS
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: location /static has the alias /app/static/").files(&[
                ("usr/sbin/nginx 755", ""),
                (
                    "etc/nginx/nginx.conf",
                    "http { server {\nlocation /static { expires 1d;\nalias /app/static/; } } }",
                ),
            ]),
            Example::fails("location /f").files(&[
                ("usr/sbin/nginx 755", ""),
                ("etc/nginx/nginx.conf", "http { include /etc/nginx/conf.d/*.conf; }"),
                ("etc/nginx/conf.d/a.conf", "server { location ^~ /f { alias \"/f/\"; } }"),
            ]),
            Example::passes().files(&[
                ("usr/sbin/nginx 755", ""),
                (
                    "etc/nginx/nginx.conf",
                    "http { server { location /a/ { alias /a/; } location = /b { alias /b/; } location /c { alias /c; } location ~ /d { alias /d/; } } }",
                ),
            ]),
            Example::is_undecided("nested too deeply").files(&[
                ("usr/sbin/nginx 755", ""),
                ("etc/nginx/nginx.conf", "http { include nginx.conf; }"),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !view.has_program(NGINX_PROGRAMS) {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        for root in NGINX_ROOTS {
            let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
            let mut files = 0;
            judge_file(&mut looking, view, root, folder, &mut files, 0);
        }
        looking.outcome()
    }
}

/// Recursion ends at [`MAX_DEPTH`] and [`MAX_FILES`]; `files` is what those weigh that were read.
fn judge_file(
    looking: &mut Looking<'_>,
    view: &View<'_>,
    path: &str,
    folder: &str,
    files: &mut usize,
    depth: usize,
) {
    if *files >= MAX_FILES || depth > MAX_DEPTH {
        looking.unseen(path, TOO_MANY);
        return;
    }
    let Some(file) = looking.text(path) else { return };
    *files += weight(file.text);
    let read = nginx::read(file.text);
    if let Some(problem) = &read.problem {
        looking.unseen(path, problem.clone());
    }
    for directive in &read.directives {
        let argument = directive.arguments.first().map(String::as_str).unwrap_or_default();
        if directive.name == "include" {
            let target = match argument.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("{folder}/{argument}"),
            };
            *files += 1;
            if *files > MAX_FILES {
                return looking.unseen(path, TOO_MANY);
            }
            for included in expand(view, &target, "*") {
                if *files >= MAX_FILES {
                    return looking.unseen(&included, TOO_MANY);
                }
                judge_file(looking, view, &included, folder, files, depth + 1);
            }
        } else if directive.name == "alias" && argument.ends_with('/') {
            let location = directive.parent.and_then(|parent| read.directives.get(parent));
            if let Some(block) = location.filter(|block| block.name == "location") {
                judge_location(looking, &file.location, block, argument);
            }
        }
    }
}

fn judge_location(
    looking: &mut Looking<'_>,
    file: &Location,
    block: &nginx::Directive,
    alias: &str,
) {
    let prefix = match block.arguments.as_slice() {
        [prefix] if !prefix.starts_with(['=', '~', '@']) => prefix,
        [sign, prefix] if sign == "^~" => prefix,
        _ => return,
    };
    if !prefix.ends_with('/') {
        let (line, alias) = (block.line, clip(alias));
        let detail = format!("line {line}: location {} has the alias {alias}", clip(prefix));
        looking.fail_at(file, detail);
    }
}
