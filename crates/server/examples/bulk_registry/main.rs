//! A registry for measurements: `cargo xtask bench sync` and `cargo xtask bench workers` run this.
//!
//! In: how many repositories and tags, or images, on the command line; words on standard input. Out: its address, then an answer
//! to each word, as lines. Odd: it is a process of its own, so that what it takes is not counted as the scanner's; it ends with
//! its standard input.
//!
//! `move`: one tag in a hundred moves; how many. `take MOVED`: what was asked since the last one, as JSON, and how much may
//! have been asked when so many tags moved.

mod images;
mod tags;

use std::io::{BufRead, Write};

use plimsoll_server::LoopbackRegistry;

use self::tags::ManyTags;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(what), Some(number), Some(each)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("say `tags REPOSITORIES TAGS` or `images NUMBER KIBIBYTES`".into());
    };
    let number: u32 = number.parse()?;
    if what == "images" {
        let registry = LoopbackRegistry::new();
        images::fill(&registry, number, each.parse()?)?;
        let served = registry.serve().await?;
        say(&format!("listening on {}", served.url()));
        for line in std::io::stdin().lock().lines() {
            line?;
            say(&registry.take_requests().len().to_string());
        }
        return Ok(());
    }
    let mut many = ManyTags::new(number, each.parse()?)?;
    let served = many.registry.serve().await?;
    say(&format!("listening on {}", served.url()));
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            None if line == "move" => say(&many.move_some()?.to_string()),
            Some(("take", moved)) => {
                let asked = many.take();
                say(&serde_json::to_string(&serde_json::json!({
                    "catalog": asked.catalog, "tags": asked.tags, "heads": asked.heads,
                    "manifests": asked.manifests, "configurations": asked.configurations,
                    "others": asked.others, "listings": asked.listings(), "total": asked.total(),
                    "bar": asked.bar(moved.parse()?),
                }))?);
            }
            _ => return Err(format!("`{line}` is neither `move` nor `take MOVED`").into()),
        }
    }
    Ok(())
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Who closed the pipe wants no more lines.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
