//! One file per package format. What each reads stands in its head; the list of all is [`parsers`](crate::parsers).

pub(crate) mod apk;
pub(crate) mod cargo;
pub(crate) mod chisel;
pub(crate) mod classifier;
pub(crate) mod conan;
pub(crate) mod conda;
pub(crate) mod dart;
pub(crate) mod dotnet;
pub(crate) mod dpkg;
pub(crate) mod dpkg_copyright;
pub(crate) mod erlang;
pub(crate) mod flatpak;
pub(crate) mod go_binary;
pub(crate) mod go_mod;
pub(crate) mod haskell;
pub(crate) mod homebrew;
pub(crate) mod java;
pub(crate) mod json;
pub(crate) mod julia;
pub(crate) mod lock;
pub(crate) mod lua;
pub(crate) mod native_image;
pub(crate) mod nix;
pub(crate) mod npm;
pub(crate) mod opam;
pub(crate) mod opkg;
pub(crate) mod pacman;
pub(crate) mod perl;
pub(crate) mod php;
pub(crate) mod portage;
pub(crate) mod program;
pub(crate) mod python;
pub(crate) mod r;
pub(crate) mod rpm;
pub(crate) mod ruby;
pub(crate) mod rust_binary;
pub(crate) mod sbom;
pub(crate) mod snap;
pub(crate) mod swift;
pub(crate) mod toml;
pub(crate) mod vcpkg;
pub(crate) mod wordpress;
pub(crate) mod zip;

/// Most packages of one file; a database that claims more is read so far.
pub(crate) const MAX_PACKAGES: usize = 200_000;

/// Longest name or version that is believed: beyond it lies no real package, only memory.
pub(crate) const MAX_WORD: usize = 1_024;
