//! What the crate says of whole images, from folders, damaged bytes and native tools.

#[cfg(test)]
#[path = "inspect/case.rs"]
mod case;
#[cfg(test)]
#[path = "inspect/checks.rs"]
mod checks;
#[cfg(test)]
#[path = "inspect/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "inspect/language_oracles.rs"]
mod language_oracles;
#[cfg(test)]
#[path = "inspect/oracles.rs"]
mod oracles;
#[cfg(test)]
#[path = "inspect/packages.rs"]
mod packages;
#[cfg(test)]
#[path = "inspect/rpm_oracles.rs"]
mod rpm_oracles;
#[cfg(test)]
#[path = "inspect/sensitive.rs"]
mod sensitive;
