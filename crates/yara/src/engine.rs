//! The YARA engine: rules compiled once, tried on files that they are about.
//!
//! In: texts of rules, in groups of the same kinds of files. Out: [`Hit`]s. Source: the `boreal` crate; YARA's documentation,
//! "Writing rules". Odd: nothing is compiled before a file asks for it; a file of rules that does not compile is left out
//! whole and told, so that one rule in a newer dialect does not cost the others; a file that takes too long is told, with
//! what was found until then, and rules that took too long with two look at no more.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use boreal::{
    Compiler, MetadataValue, Scanner,
    compiler::CompilerParams,
    scanner::{EvaluatedRule, RuleDetails, ScanParams},
};
use plimsoll_inspect::{Hit, Kinds, Looked, MalwareEngine, MalwareFile, Mark, Problem, RuleAbout};

use crate::{
    meta::{Defaults, RuleMeta, Said},
    pack::EMBEDDED_NAME,
};

/// Names the engine in the version of what is found.
pub(crate) const ENGINE: &str = "boreal 1.4, 1";

/// How long one group of rules may look at one file.
const TIME: Duration = Duration::from_secs(60);
/// Files that a group of rules may take that long with; then it looks at no other, so that rules without an end do not cost
/// their time with every file. From the second on it has less.
const MOST_SLOW: u32 = 2;
const LESS: u32 = 3;
/// Places of one part of a rule that are told.
const MAX_PLACES: usize = 3;
/// Marks of one rule.
const MAX_MARKS: usize = 20;
/// Parts of one rule.
const MAX_STRINGS: usize = 10_000;

/// Names that rules of others expect to be there, as YARA's scanners of whole machines set them.
const SYMBOLS: &[&str] = &["filename", "filepath", "extension", "filetype", "owner", "md5"];

/// A file of rules.
#[derive(Clone, Debug)]
pub(crate) struct RuleFile {
    /// The pack's name.
    pub(crate) pack: Arc<str>,
    /// Its name in the pack.
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
    /// It is only there for others to include.
    pub(crate) is_included: bool,
}

/// Packs whose rules are about the same kinds of files.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) kinds: Kinds,
    pub(crate) files: Vec<RuleFile>,
}

/// Rules, compiled when they are first needed.
#[derive(Debug)]
pub struct Engine {
    version: String,
    groups: Vec<Group>,
    defaults: BTreeMap<Arc<str>, Defaults>,
    time: Duration,
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    groups: Vec<CompiledGroup>,
    problems: Vec<String>,
}

#[derive(Debug)]
struct CompiledGroup {
    kinds: Kinds,
    scanner: Scanner,
    /// By namespace and name.
    rules: HashMap<(String, String), RuleMeta>,
    /// The packs that it is made of.
    packs: String,
    /// Files that it did not finish with.
    slow: AtomicU32,
}

impl Engine {
    pub(crate) fn new(
        version: String,
        groups: Vec<Group>,
        defaults: BTreeMap<Arc<str>, Defaults>,
    ) -> Self {
        Self { version, groups, defaults, time: TIME, compiled: OnceLock::new() }
    }

    /// The rules of one text, as of a pack of that name.
    #[must_use]
    pub fn of_pack(name: &str, text: &str) -> Self {
        let file = RuleFile {
            pack: name.into(),
            name: "rules.yar".to_owned(),
            text: text.into(),
            is_included: false,
        };
        let group = Group { kinds: Kinds::ALL, files: vec![file] };
        Self::new(String::new(), vec![group], BTreeMap::new())
    }

    /// With another time for one file than a minute.
    #[must_use]
    pub const fn with_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| self.compile())
    }

    fn compile(&self) -> Compiled {
        let mut problems = Vec::new();
        let mut groups = Vec::new();
        for group in &self.groups {
            let mut left_out = Vec::new();
            // A file that fails midway leaves its first rules behind, so all begins anew without it.
            let compiler = loop {
                match compile(group, &left_out) {
                    Ok(compiler) => break compiler,
                    Err(failed) => {
                        for (index, problem) in failed {
                            left_out.push(index);
                            problems.push(problem);
                        }
                    }
                }
            };
            let mut scanner = compiler.finalize();
            scanner.set_scan_params(
                ScanParams::default().timeout_duration(Some(self.time)).match_max_length(64),
            );
            let rules = self.metas(&scanner);
            let packs: BTreeSet<&str> = group.files.iter().map(|file| &*file.pack).collect();
            let packs = packs.into_iter().collect::<Vec<_>>().join(", ");
            let slow = AtomicU32::new(0);
            groups.push(CompiledGroup { kinds: group.kinds, scanner, rules, packs, slow });
        }
        Compiled { groups, problems }
    }

    fn metas(&self, scanner: &Scanner) -> HashMap<(String, String), RuleMeta> {
        let meta = |rule: RuleDetails<'_>| {
            let none = Defaults { level: None, virus_type: None, kinds: Kinds::ALL };
            let defaults = self.defaults.get(rule.namespace).unwrap_or(&none);
            let meta = RuleMeta::of(rule.name, said(scanner, &rule), defaults);
            ((rule.namespace.to_owned(), rule.name.to_owned()), meta)
        };
        scanner.rules().map(meta).collect()
    }

    /// All rules, sorted by id.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleAbout> {
        let mut rules = Vec::new();
        for group in &self.compiled().groups {
            let private: Vec<_> = group.scanner.rules().filter(|rule| rule.is_private).collect();
            let is_private = |namespace: &str, name: &str| {
                private.iter().any(|rule| (rule.namespace, rule.name) == (namespace, name))
            };
            let mut names: Vec<_> = group.rules.iter().collect();
            names.sort_by(|a, b| a.0.cmp(b.0));
            for ((namespace, name), meta) in names {
                let Some(level) = meta.level.filter(|_| !is_private(namespace, name)) else {
                    continue;
                };
                let reference = meta.credit.iter().find(|(key, _)| key == "reference");
                rules.push(RuleAbout {
                    id: id(namespace, name),
                    level,
                    virus_type: meta.virus_type,
                    kinds: meta.kinds.to_string(),
                    title: meta.title.clone(),
                    source: reference.map(|(_, text)| text.clone()).unwrap_or_default(),
                });
            }
        }
        rules.sort();
        rules
    }
}

/// Rules of the program stand alone, others behind their pack's name.
fn id(namespace: &str, name: &str) -> String {
    if namespace == EMBEDDED_NAME { name.to_owned() } else { format!("{namespace}/{name}") }
}

/// Compiles all files of a group but those that are left out; else, which ones fail and why.
fn compile(group: &Group, left_out: &[usize]) -> Result<Compiler, Vec<(usize, String)>> {
    let mut compiler = Compiler::new();
    compiler.set_params(
        CompilerParams::default().max_strings_per_rule(MAX_STRINGS).fail_on_warnings(false),
    );
    for symbol in SYMBOLS {
        compiler.define_symbol(*symbol, "");
    }
    // Nothing is read from a disk here: what a rule may include lies in its pack.
    let included: HashMap<(String, String), Arc<str>> = group
        .files
        .iter()
        .map(|file| ((file.pack.to_string(), base(&file.name).to_owned()), Arc::clone(&file.text)))
        .collect();
    compiler.set_include_callback(move |name, _, namespace| {
        let key = (namespace.to_owned(), base(name).to_owned());
        let found = included.get(&key).map(|text| text.to_string());
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file in the pack"))
    });
    let mut failed = Vec::new();
    for (index, file) in group.files.iter().enumerate() {
        if file.is_included || left_out.contains(&index) {
            continue;
        }
        if let Err(error) = compiler.add_rules_str_in_namespace(&*file.text, &*file.pack) {
            let diagnostic = error.to_diagnostic();
            let line = diagnostic.labels.first().and_then(|label| {
                let before = file.text.get(..label.range.start)?;
                Some(before.bytes().filter(|byte| *byte == b'\n').count() + 1)
            });
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            failed.push((
                index,
                format!(
                    "rules of {}/{}{line} are left out: {}",
                    file.pack, file.name, diagnostic.message
                ),
            ));
        }
    }
    if failed.is_empty() { Ok(compiler) } else { Err(failed) }
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn said(scanner: &Scanner, rule: &RuleDetails<'_>) -> Said {
    let mut said = Said::default();
    for metadata in rule.metadatas {
        let name = scanner.get_string_symbol(metadata.name);
        let text = match metadata.value {
            MetadataValue::Bytes(symbol) => {
                String::from_utf8_lossy(scanner.get_bytes_symbol(symbol)).into_owned()
            }
            MetadataValue::Integer(number) => {
                if name == "score" {
                    said.score = Some(number);
                }
                continue;
            }
            MetadataValue::Boolean(_) => continue,
        };
        match name {
            "sas_level" => said.level = Some(text),
            "sas_type" => said.kind = Some(text),
            "description" => said.description = Some(text),
            "kinds" => said.kinds = Some(text),
            "score" => said.score = text.parse().ok(),
            "author" | "reference" | "license" => said.credit.push((name.to_owned(), text)),
            _ => {}
        }
    }
    said
}

impl MalwareEngine for Engine {
    fn version(&self) -> &str {
        &self.version
    }

    fn kinds(&self) -> Kinds {
        self.groups.iter().fold(Kinds::NONE, |kinds, group| kinds.and(group.kinds))
    }

    fn look(&self, file: &MalwareFile<'_>) -> Looked {
        let mut looked = Looked::default();
        for group in &self.compiled().groups {
            if group.kinds.meets(file.kinds) {
                group.look(file, self.time, &mut looked);
            }
        }
        looked
    }

    fn problems(&self) -> Vec<String> {
        // The embedded rules compile, as a test shows.
        let is_foreign =
            |group: &Group| group.files.iter().any(|file| &*file.pack != EMBEDDED_NAME);
        if self.groups.iter().any(is_foreign) {
            self.compiled().problems.clone()
        } else {
            Vec::new()
        }
    }
}

impl CompiledGroup {
    fn look(&self, file: &MalwareFile<'_>, time: Duration, looked: &mut Looked) {
        let slow = self.slow.load(Ordering::Relaxed);
        if slow >= MOST_SLOW {
            looked.given_up.push(Problem::budget(format!(
                "is not looked at by the rules of {}, nor may files behind it in the layer be: they did not finish with {MOST_SLOW} files",
                self.packs
            )));
            return;
        }
        let mut scanner = self.scanner.clone();
        let time = if slow == 0 { time } else { time / LESS };
        let hurried = scanner.scan_params().clone().timeout_duration(Some(time));
        scanner.set_scan_params(hurried);
        let path = file.path.display();
        let name = base(&path);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        for (symbol, value) in [("filepath", &*path), ("filename", name), ("extension", extension)]
        {
            // All symbols were declared, as texts.
            let _defined = scanner.define_symbol(symbol, value);
        }
        let result = match scanner.scan_mem(file.bytes) {
            Ok(result) => result,
            Err((error, result)) => {
                self.slow.fetch_add(1, Ordering::Relaxed);
                looked.unfinished = Some(Problem::budget(format!(
                    "was not looked at by all rules within {} s: {error}",
                    time.as_secs()
                )));
                result
            }
        };
        if result.rules.is_empty() {
            return;
        }
        // Where a rule's parts are is only looked up once it fits.
        let mut exact = scanner.clone();
        exact.set_scan_params(scanner.scan_params().clone().compute_full_matches(true));
        let result = exact.scan_mem(file.bytes).unwrap_or(result);
        for rule in &result.rules {
            let key = (rule.namespace.to_owned(), rule.name.to_owned());
            let Some(meta) = self.rules.get(&key).filter(|meta| meta.kinds.meets(file.kinds))
            else {
                continue;
            };
            looked.hits.extend(hit(rule, meta));
        }
    }
}

fn hit(rule: &EvaluatedRule<'_>, meta: &RuleMeta) -> Option<Hit> {
    let mut marks: Vec<Mark> = rule
        .matches
        .iter()
        .flat_map(|string| {
            string.matches.iter().take(MAX_PLACES).map(|place| Mark {
                name: format!("${}", string.name),
                offset: u64::try_from(place.base + place.offset).unwrap_or(u64::MAX),
                length: u64::try_from(place.length).unwrap_or(u64::MAX),
            })
        })
        .collect();
    marks.sort_by(|a, b| (a.offset, &a.name).cmp(&(b.offset, &b.name)));
    marks.truncate(MAX_MARKS);
    let detail = match marks.first() {
        Some(mark) => format!("{} at byte {}, {} bytes", mark.name, mark.offset, mark.length),
        None => "its condition holds".to_owned(),
    };
    let mut credit = meta.credit.clone();
    if rule.namespace != EMBEDDED_NAME {
        credit.push(("pack".to_owned(), rule.namespace.to_owned()));
    }
    Some(Hit {
        rule: id(rule.namespace, rule.name),
        level: meta.level?,
        virus_type: meta.virus_type,
        title: meta.title.clone(),
        detail,
        inner: None,
        marks,
        credit,
    })
}
