//! Table: what each product's programs and libraries say about their version.
//!
//! A row is all there is to a product: the names of its files, patterns, names as a package, and examples that a test holds
//! it to. `docs/reference` lists nothing of it; `plimsoll scan` shows what was found with `evidence: binary`.
//!
//! Patterns are regular expressions over bytes; `<V>` and `<N>` stand for versions (`Product::versions`). What a program
//! prints for `--version` is most often the surest place. Rows whose files have one name stand together, the one with the
//! more special pattern first: `mysqld` of the `MariaDB` project holds `MySQL`'s strings as well.

use super::product::{
    FileName::{Library, Path, Program},
    Form, Listed, Product,
};

/// A package that only its own project knows: `pkg:generic/nginx`.
const fn generic(name: &'static str, cpe: &'static str) -> Listed {
    Listed { ecosystem: "generic", namespace: None, name, cpe }
}

/// A Go module, as Go's advisories call it.
const fn module(name: &'static str, cpe: &'static str) -> Listed {
    Listed { ecosystem: "Go", namespace: None, name, cpe }
}

/// What a row says if it says nothing else.
const ROW: Product = Product {
    listed: generic("", ""),
    also: &[],
    files: &[],
    beside: &[],
    form: Form::Elf,
    versions: &[],
    is_named: false,
    examples: &[],
    counter_example: "",
};

/// What a Go program has that was given its version by the linker: the flag itself, or the text alone.
const LINKED: &[&str] =
    &[r"-X [^\x00 ]{1,120}[vV]ersion=v?<V>", r"\x00v?<V>(?:[+~][0-9A-Za-z.+~-]{1,40})?\x00"];

/// Where PHP says its version, whichever way it is built.
const PHP: &[&str] = &["X-Powered-By: PHP/<V>"];

/// All rows.
pub(super) const PRODUCTS: &[Product] = &[
    // Languages and their runtimes.
    Product {
        listed: generic("python", "python_software_foundation:python python:python"),
        files: &[Program("python"), Library("libpython")],
        beside: &["lib/python2.", "lib/python3.", "lib/libpython3.so", "./libpython3.so"],
        is_named: true,
        versions: &[r"\x00([23]\.[0-9]{1,2}\.[0-9]{1,2}(?:(?:a|b|rc)[0-9]{1,2})?\+?)\x00"],
        examples: &[
            ("%s: '%s'\x003.11.2\0%.80s", "3.11.2"),
            ("\x003.13.0rc1\0strict", "3.13.0rc1"),
        ],
        counter_example: "\x001.2.13\0deflate 3.11.2",
        ..ROW
    },
    Product {
        listed: generic("pypy", "pypy:pypy"),
        files: &[Library("libpypy"), Library("libpypy3-c"), Program("pypy")],
        beside: &["lib/pypy", "lib_pypy/", "lib-python/"],
        versions: &[r"\[PyPy <N>"],
        examples: &[("[PyPy 7.3.11 with GCC 12.2.0]", "7.3.11")],
        counter_example: "PyPy 7.3.11",
        ..ROW
    },
    Product {
        listed: generic("node", "nodejs:node.js"),
        files: &[Program("node"), Program("nodejs"), Library("libnode")],
        versions: &[r"node\.js/v<V>", r"\x00(?:node )?v((?:0|4|5|6)\.[0-9]{1,3}\.[0-9]{1,3})\x00"],
        examples: &[
            ("/json\0node.js/v18.4.0\0(delegate_)", "18.4.0"),
            ("Content-Length: %zu\r\n\r\n\0node.js/v24.19.0Protocol-Version\0", "24.19.0"),
            ("\0node v0.10.48\0", "0.10.48"),
        ],
        counter_example: "\0v18.4.0\0node.js/18.4.0",
        ..ROW
    },
    Product {
        listed: generic("bun", "oven:bun"),
        files: &[Program("bun")],
        versions: &[r"Bun v<V> \("],
        examples: &[("\0Bun v1.4.5 (Linux x64)\0", "1.4.5")],
        counter_example: "\0v1.4.5\0Bun v",
        ..ROW
    },
    Product {
        listed: generic("deno", "deno:deno"),
        files: &[Program("deno")],
        versions: &[r"Deno/<V>\+[0-9a-f]{7}"],
        examples: &[("Deno/2.9.8Deno/2.9.8+fe7ed01fe7ed012d92c642f", "2.9.8")],
        counter_example: "deno-desktop/2.9.8 Deno/0.82.0",
        ..ROW
    },
    Product {
        listed: generic("php-fpm", "php:php"),
        files: &[Program("php-fpm")],
        versions: PHP,
        examples: &[("%s,%s\0X-Powered-By: PHP/8.2.36\0ZEND_MM", "8.2.36")],
        counter_example: "PHP/8.2.36",
        ..ROW
    },
    Product {
        listed: generic("php-cli", "php:php"),
        files: &[Program("php"), Program("php-cgi")],
        versions: PHP,
        examples: &[
            ("%s,%s\0X-Powered-By: PHP/8.2.36\0ZEND_MM", "8.2.36"),
            ("X-Powered-By: PHP/8.4.0RC2\0", "8.4.0RC2"),
        ],
        counter_example: "PHP/8.2.36",
        ..ROW
    },
    Product {
        listed: generic("libphp", "php:php"),
        files: &[Library("libphp")],
        versions: PHP,
        examples: &[("X-Powered-By: PHP/8.2.36\0", "8.2.36")],
        counter_example: "PHP/8.2.36",
        ..ROW
    },
    Product {
        listed: generic("composer", "getcomposer:composer"),
        files: &[Program("composer"), Program("composer.phar")],
        form: Form::Text("#!/usr/bin/env php"),
        versions: &[r"'pretty_version' ?=> ?'<V>'", r#"const VERSION = '<V>'"#],
        examples: &[("'pretty_version'=>'2.5.5',", "2.5.5"), ("const VERSION = '2.7.1';", "2.7.1")],
        counter_example: "const VERSION = '@package_version@'",
        ..ROW
    },
    Product {
        listed: generic("wp-cli", "wp-cli:wp-cli"),
        files: &[Program("wp"), Program("wp-cli.phar")],
        form: Form::Text("#!"),
        versions: &[r"wp-cli/wp-cli <V>"],
        examples: &[("wp-cli/wp-cli 2.9.0'", "2.9.0")],
        counter_example: "wp-cli 2.9.0",
        ..ROW
    },
    Product {
        listed: generic("ruby", "ruby-lang:ruby"),
        files: &[Program("ruby"), Library("libruby")],
        beside: &["lib/ruby/"],
        versions: &[
            r"ruby ([0-9]\.[0-9]{1,2}\.[0-9]{1,2}(?:(?:p|preview|rc|dev)[0-9]{0,4})?) \(20",
        ],
        examples: &[
            ("\0ruby 3.1.2p20 (2022-04-12 revision 4491bb740a)", "3.1.2p20"),
            ("\0ruby 3.4.0preview1 (2024-05-16 master 9d69619623)", "3.4.0preview1"),
        ],
        counter_example: "ruby 3.1 (2022-04-12",
        ..ROW
    },
    Product {
        listed: generic("perl", "perl:perl"),
        files: &[Program("perl"), Library("libperl")],
        beside: &["lib/perl5/", "lib/perl/"],
        versions: &[
            r"\x00v(5\.[0-9]{1,2}\.[0-9]{1,2})\x00panic",
            r"/lib/perl5?/(5\.[0-9]{1,2}\.[0-9]{1,2})",
            r"/perl5?/(5\.[0-9]{1,2}\.[0-9]{1,2})\x00",
        ],
        examples: &[
            ("INTERNAL_RAND_SEED\0v5.36.0\0panic: sysconf", "5.36.0"),
            ("/usr/local/lib/perl5/5.38.2/x86_64-linux-gnu", "5.38.2"),
            ("\0/usr/local/share/perl/5.36.0\0", "5.36.0"),
        ],
        counter_example: "perl5.36",
        ..ROW
    },
    Product {
        listed: Listed { namespace: Some("java"), ..generic("graalvm", "oracle:graalvm") },
        files: &[Program("java"), Program("jdb")],
        versions: &[
            r"\x00([0-9]{1,3}[.0-9]{0,12}\+[0-9]{1,3}-jvmci-[0-9]{1,3}[.0-9]{0,9}-b[0-9]{1,3})\x00",
        ],
        examples: &[("java\x000.0\x0020.0.1+9-jvmci-23.0-b12\0", "20.0.1+9-jvmci-23.0-b12")],
        counter_example: "\x0020.0.1+9\0",
        ..ROW
    },
    Product {
        listed: Listed { namespace: Some("java"), ..generic("jre", "oracle:openjdk") },
        files: &[Program("java")],
        versions: &[
            r"\x00openjdk\x00java\x00[0-9][.0-9]{0,9}\x00([0-9]{1,3}[^\x00]{1,60})\x00",
            r"\x00[0-9][.0-9]{0,9}\x00{1,16}([0-9]{1,3}[^\x00]{1,60})\x00{1,16}openjdk\x00java\x00",
        ],
        examples: &[
            (
                "%s: %s\0openjdk\0java\x000.0\x0017.0.21.1+2-1-deb12u1-Debian\0",
                "17.0.21.1+2-1-deb12u1-Debian",
            ),
            ("\0openjdk\0java\x001.8\x001.8.0_352-b08\0", "1.8.0_352-b08"),
            ("\x000.0\0\0\0\0\x0011.0.22+7\0\0\0\0openjdk\0java\0", "11.0.22+7"),
        ],
        counter_example: "\0openjdk\0java\0%s\0",
        ..ROW
    },
    Product {
        listed: Listed { namespace: Some("java"), ..generic("jre", "oracle:jre") },
        files: &[Program("java")],
        versions: &[
            r"\x00java\x00[0-9][.0-9]{0,9}\x00{1,16}([0-9]{1,3}[-._+a-zA-Z0-9]{1,60})\x00",
            r"\x00([0-9]{1,3}[.0-9]{0,12}\+[0-9]{1,4}(?:-[0-9]{1,6})?)\x00",
        ],
        examples: &[
            ("\0java\x001.8\x001.8.0_451-b10\0", "1.8.0_451-b10"),
            ("\x0019.0.1+10-21\0", "19.0.1+10-21"),
        ],
        counter_example: "\0java\0%s\0",
        ..ROW
    },
    Product {
        listed: Listed { namespace: Some("java"), ..generic("jdk", "oracle:jdk oracle:openjdk") },
        files: &[Program("jdb")],
        versions: &[
            r"\x00jdb\x00[0-9][.0-9]{0,9}\x00([0-9]{1,3}[^\x00]{1,60})\x00",
            r"\x00([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:\+[0-9]{1,4})?(?:[-._a-zA-Z0-9]{1,40})?)\x00",
        ],
        examples: &[
            (
                "%s: %s\0openjdk\0jdb\x000.0\x0017.0.21.1+2-1-deb12u1-Debian\0",
                "17.0.21.1+2-1-deb12u1-Debian",
            ),
            ("\x0021.0.2+13-58\0", "21.0.2+13-58"),
        ],
        counter_example: "\0jdb\0%s\0",
        ..ROW
    },
    Product {
        listed: Listed { ecosystem: "Go", namespace: None, name: "stdlib", cpe: "golang:go" },
        also: &[Listed { ecosystem: "Go", namespace: None, name: "toolchain", cpe: "golang:go" }],
        files: &[Path("VERSION")],
        form: Form::Text("go1."),
        versions: &[r"^go(1\.[0-9]{1,3}(?:\.[0-9]{1,3})?(?:(?:beta|rc)[0-9]{1,2})?)(?:\n| |$)"],
        examples: &[
            ("go1.19.8", "1.19.8"),
            ("go1.22.1\ntime 2024-02-29T18:18:48Z\n", "1.22.1"),
            ("go1.23rc2\n", "1.23rc2"),
        ],
        counter_example: "go1.x of the module\n",
        ..ROW
    },
    Product {
        listed: generic("rust", "rust-lang:rust"),
        files: &[Program("rustc"), Library("libstd"), Library("librustc_driver")],
        beside: &[
            "lib/rustlib/",
            "lib/librustc_driver-",
            "lib/libstd-",
            "lib/libLLVM",
            "bin/cargo",
            "bin/rust",
            "bin/clippy-driver",
            "libexec/rust-",
        ],
        versions: &[
            r"rustc version <V> \([0-9a-f]{7,12} [0-9]{4}-",
            r"\x00<V> \([0-9a-f]{9} [0-9]{4}-[0-9]{2}-[0-9]{2}\)",
            r"/rustc-<V>(?:-src)?/",
        ],
        examples: &[
            ("\0clang LLVM (rustc version 1.48.0 (7eac88abb 2020-11-16))", "1.48.0"),
            ("\x001.70.0 (90c541806 2023-05-31)", "1.70.0"),
        ],
        counter_example: "clang LLVM (rustc version unknown)",
        ..ROW
    },
    Product {
        listed: generic("erlang", r"erlang:erlang\/otp"),
        files: &[Program("beam.smp"), Program("erlexec"), Path("liberts_internal.a")],
        beside: &["lib/erlang/", "./"],
        versions: &[
            r"/otp_src_<N>(?:-rc[0-9])?/erts/",
            r"/(?:otp|erlang)-<N>(?:\+dfsg)?/erts/",
            r"\[jit:ns%s\]\n\x00<N>\x00",
            r"\x00<N>\x00{1,16}Erlang/OTP",
        ],
        examples: &[
            ("/usr/src/otp_src_25.3.2.6/erts/", "25.3.2.6"),
            ("/build/erlang-25.2.3+dfsg/erts/x86_64-pc-linux-gnu", "25.2.3"),
            ("[async-threads:%d] [jit:ns%s]\n\x0025.2.3\0\0", "25.2.3"),
        ],
        counter_example: "/usr/lib/erlang/erts-13.1.5/bin",
        ..ROW
    },
    Product {
        listed: generic("elixir", "elixir-lang:elixir"),
        files: &[Program("elixir")],
        form: Form::Text("#!"),
        versions: &[r"ELIXIR_VERSION=<V>\n"],
        examples: &[("#!/bin/sh\nset -e\n\nELIXIR_VERSION=1.14.0\n\nif", "1.14.0")],
        counter_example: "echo \"$ELIXIR_VERSION\"\n",
        ..ROW
    },
    Product {
        listed: generic("julia", "julialang:julia"),
        files: &[Library("libjulia-internal"), Library("libjulia")],
        beside: &["lib/julia/", "lib/libjulia", "libexec/julia/"],
        versions: &[
            r"\x00__init__\x00<V>\x00(?:verify|branch)",
            r"\x00<V>\x00branch\x00",
            r"\x00<V>\x00julia version",
        ],
        examples: &[("\0__init__\x001.9.4\0verify_methods", "1.9.4")],
        counter_example: "\x001.9.4\0",
        ..ROW
    },
    Product {
        listed: generic("dart", "dart:dart_software_development_kit"),
        files: &[Program("dart")],
        beside: &["bin/", "lib/"],
        versions: &[
            r"\x00([0-9]\.[0-9]{1,3}\.[0-9]{1,3}(?:-[0-9.]{1,10}(?:beta|dev))?) \((?:stable|beta|dev)\)",
        ],
        examples: &[
            ("Dart,GC\"\x003.5.2 (stable)", "3.5.2"),
            ("\x003.6.0-216.1.beta (beta)", "3.6.0-216.1.beta"),
        ],
        counter_example: "\x003.5.2 \0",
        ..ROW
    },
    Product {
        listed: Listed { namespace: Some("haskell"), ..generic("ghc", "haskell:ghc") },
        files: &[Program("ghc")],
        versions: &[r"\x00GHC <N>\x00", r"libHSghc-([0-9]\.[0-9]{1,2}\.[0-9]{1,2})-ghc"],
        examples: &[
            ("\0GHC 9.4.7\0", "9.4.7"),
            ("libHShaskeline-0.8.2-ghc9.0.2.so\0libHSghc-9.0.2-ghc9.0.2.so\0", "9.0.2"),
        ],
        counter_example: "libHShaskeline-0.8.2-ghc9.0.2.so",
        ..ROW
    },
    Product {
        listed: Listed { namespace: Some("haskell"), ..generic("cabal", "haskell:cabal") },
        files: &[Program("cabal")],
        versions: &[r"\x00Cabal-<N>(?:-|\x00)"],
        examples: &[("CharParsing\0Cabal-3.4.1.0\0integral", "3.4.1.0")],
        counter_example: "cabal-install-3.4.1.0",
        ..ROW
    },
    Product {
        listed: Listed { namespace: Some("haskell"), ..generic("stack", "haskell:stack") },
        files: &[Program("stack")],
        versions: &[r"Version <N>, ?Git", r"/stack-([0-9]\.[0-9]{1,2}\.[0-9]{1,2})\x00"],
        examples: &[("Version 2.13.1, Git revision", "2.13.1")],
        counter_example: "LICENSE Version 2.1, February 1999",
        ..ROW
    },
    Product {
        listed: generic("swipl", "swi-prolog:swi-prolog"),
        files: &[Program("swipl"), Library("libswipl")],
        beside: &["lib/swi-prolog/", "lib/swipl/"],
        versions: &[r"swipl-<N>/"],
        examples: &[("/src/swipl-9.1.8/src", "9.1.8")],
        counter_example: "swipl 9.1.8",
        ..ROW
    },
    Product {
        listed: generic("lua", "lua:lua"),
        files: &[Program("lua"), Library("liblua")],
        versions: &[r"Lua ([1-9]\.[0-9]\.[0-9]{1,2}) {1,2}Copyright"],
        examples: &[("$LuaVersion: Lua 5.4.4  Copyright (C) 1994-2022", "5.4.4")],
        counter_example: "Lua 5.4\0_VERSION",
        ..ROW
    },
    Product {
        listed: generic("gcc", "gnu:gcc"),
        files: &[Program("gcc"), Program("x86_64-linux-gnu-gcc"), Program("aarch64-linux-gnu-gcc")],
        beside: &[
            "lib/gcc/",
            "libexec/gcc/",
            "lib64/libstdc++",
            "lib64/libgcc_s",
            "lib64/libgomp",
            "lib64/libgfortran",
            "lib64/libquadmath",
            "lib64/libasan",
            "lib64/libhwasan",
            "lib64/libubsan",
            "lib64/libtsan",
            "lib64/liblsan",
            "lib64/libatomic",
            "lib64/libitm",
            "lib64/libcc1",
            "lib64/libssp",
            "lib64/libobjc",
            "bin/gcc",
            "bin/g++",
            "bin/c++",
            "bin/cpp",
            "bin/gcov",
            "bin/gfortran",
            "bin/lto-dump",
            "bin/x86_64-",
            "bin/aarch64-",
        ],
        versions: &[
            r"\x00([0-9]{1,2}\.[0-9]\.[0-9])\x00(?:\([^\x00]{1,60}\) ?\x00)?gcc version",
            r"GCC: \(GNU\) <N>",
        ],
        examples: &[
            (" zstd\x0012.2.0\0(Debian 12.2.0-14+deb12u1) \0gcc version", "12.2.0"),
            ("GCC: (GNU) 12.3.0\0", "12.3.0"),
        ],
        counter_example: "GCC: (Debian 12.2.0-14) 12.2.0",
        ..ROW
    },
    Product {
        listed: generic("libstdc++", "gnu:gcc"),
        files: &[Library("libstdc++"), Library("libgcc_s"), Library("libgomp")],
        versions: &[r"GCC: \(GNU\) <N>"],
        examples: &[("\0GCC: (GNU) 13.2.0\0", "13.2.0")],
        counter_example: "\0GCC_3.4.2\0GLIBCXX_3.4.30\0",
        ..ROW
    },
    // Web servers and proxies.
    Product {
        listed: generic("openresty", "openresty:openresty"),
        files: &[Program("nginx"), Program("openresty")],
        beside: &["modules/ngx_", "luajit/", "lualib/"],
        versions: &[r"nginx version: openresty/<N>"],
        examples: &[("\0nginx version: openresty/1.21.4.1\n\0", "1.21.4.1")],
        counter_example: "\0nginx version: nginx/1.22.1\n\0",
        ..ROW
    },
    Product {
        listed: generic("nginx", "f5:nginx nginx:nginx"),
        files: &[Program("nginx"), Program("nginx-debug")],
        beside: &["modules/ngx_", "lib/nginx/modules/ngx_"],
        versions: &[r"nginx version: [a-z]{1,20}/<N>", r"\x00nginx/<N>\x00"],
        examples: &[
            ("on: \"%c\"\0nginx version: nginx/1.22.1\n\0OpenSSL 3.0.22", "1.22.1"),
            ("%r:%r\0nginx/1.22.1\0crypt_r() failed", "1.22.1"),
        ],
        counter_example: "Server: nginx\r\n",
        ..ROW
    },
    Product {
        listed: generic("httpd", "apache:http_server"),
        files: &[Program("httpd"), Program("apache2")],
        beside: &[
            "modules/mod_",
            "bin/ab",
            "bin/ht",
            "bin/rotatelogs",
            "bin/logresolve",
            "bin/checkgid",
            "bin/fcgistarter",
            "bin/suexec",
        ],
        versions: &[r"\x00Apache/<N>(?:\x00| )", r"Apache/([0-9]\.[0-9]{1,2}\.[0-9]{1,3})"],
        examples: &[("mailto:\0Apache/2.4.71\0 Server at", "2.4.71")],
        counter_example: "\0Apache/2\0Apache/%s",
        ..ROW
    },
    Product {
        listed: generic("haproxy", "haproxy:haproxy"),
        files: &[Program("haproxy")],
        versions: &[
            r"version ([0-9]{1,2}\.[0-9]{1,2}(?:\.[0-9]{1,3}|-(?:dev|rc)[0-9]{1,3}))(?:-[0-9A-Za-z+~.]{1,30})?, released 20",
            r"HA-?Proxy version <N>",
            r"\x00<V>-[0-9a-z+~]{6,20}\x00haproxy_stick",
        ],
        examples: &[
            (" version 2.6.12-1+deb12u4, released 2026/10/17\0", "2.6.12"),
            ("HA-Proxy version 1.8.30-6b2d2e5", "1.8.30"),
            ("\0 version 2.9-dev5-1abc234, released 2023/09/08", "2.9-dev5"),
        ],
        counter_example: "Transfer-Encoding\x002.6.12\0",
        ..ROW
    },
    Product {
        listed: generic("lighttpd", "lighttpd:lighttpd"),
        files: &[Program("lighttpd")],
        versions: &[r"\x00lighttpd/<N>"],
        examples: &[("support\n\0lighttpd/1.4.69\0server", "1.4.69")],
        counter_example: "release of lighttpd 1.4.x will",
        ..ROW
    },
    Product {
        listed: generic("traefik", "traefik:traefik"),
        files: &[Program("traefik")],
        versions: LINKED,
        examples: &[
            ("\0v1.7.34\0", "1.7.34"),
            ("\x002.9.6\0", "2.9.6"),
            ("-X github.com/traefik/traefik/v3/pkg/version.Version=3.0.4", "3.0.4"),
        ],
        counter_example: "traefik 3.0.4",
        ..ROW
    },
    Product {
        listed: module("github.com/caddyserver/caddy/v2", "caddyserver:caddy"),
        files: &[Program("caddy")],
        versions: &[
            r"github\.com/caddyserver/caddy/v2\tv(2\.[0-9]{1,3}\.[0-9]{1,3}(?:-(?:beta|rc)\.[0-9]{1,3})?)\t?",
            r"\x00v?(2\.[0-9]{1,3}\.[0-9]{1,3}(?:-(?:beta|rc)\.[0-9]{1,3})?)\x00",
        ],
        examples: &[
            ("mod\tgithub.com/caddyserver/caddy/v2\tv2.11.7\th1:yj0", "2.11.7"),
            ("\x002.6.2\0\0\0", "2.6.2"),
        ],
        counter_example: "github.com/caddyserver/caddy/v2@v2",
        ..ROW
    },
    Product {
        listed: generic("envoy", "envoyproxy:envoy"),
        files: &[Program("envoy"), Program("envoy-static")],
        versions: &[
            r"[0-9a-f]{40}/(1\.[0-9]{1,3}\.[0-9]{1,3}(?:-dev)?)/(?:Clean|Modified|Distribution)/",
            r"\x00(1\.3[0-9]\.[0-9]{1,2}(?:-dev)?)\x00.{0,64}envoy[_.]reloadable_features",
            r"envoy_quic_.{0,64}\x00(1\.2[0-9]\.[0-9]{1,2}(?:-dev)?)\x00",
            r"\x00(1\.[12][0-9]\.[0-9]{1,2}(?:-dev)?)\x00.{0,64}(?:Unable to|ValidationError)",
            r"\x00(1\.[0-9]\.[0-9]{1,2}(?:-dev)?)\x00.{0,20}RELEASE",
        ],
        examples: &[
            ("\x001.36.4\0x\0envoy_reloadable_features", "1.36.4"),
            ("envoy_quic_x\0y\x001.28.7\0", "1.28.7"),
            ("\x001.20.7\0Unable to", "1.20.7"),
        ],
        counter_example: "\x001.36.4\0",
        ..ROW
    },
    Product {
        listed: generic("squid", "squid-cache:squid"),
        files: &[Program("squid")],
        versions: &[r"\x00squid/<N>\x00"],
        examples: &[("in '\0squid/5.7\0;\t \0HTTP/", "5.7")],
        counter_example: "/build/squid-5.7=.",
        ..ROW
    },
    Product {
        listed: generic("varnish", "varnish-software:varnish_cache varnish-cache:varnish"),
        files: &[Program("varnishd")],
        versions: &[r"varnish-<N> revision"],
        examples: &[("\0varnish-7.1.1 revision 7cee1c581bead20e88d101ab", "7.1.1")],
        counter_example: "varnish (Varnish/7.1)",
        ..ROW
    },
    // Databases and queues.
    Product {
        listed: generic("valkey", "lfprojects:valkey linuxfoundation:valkey"),
        files: &[
            Program("valkey-server"),
            Program("valkey-check-rdb"),
            Program("valkey-cli"),
            Program("valkey-sentinel"),
        ],
        beside: &["./valkey-"],
        versions: &[
            r"\x00<V>\x00c11-builtin\x00",
            r"(?:^|[^0-9])([0-9]\.[0-9]{1,2}\.[0-9]{1,2})buildkitsandbox-[0-9]",
            r"Valkey version[ =]<N>",
        ],
        examples: &[
            ("valkey9.0.0buildkitsandbox-1764887574000000000", "9.0.0"),
            ("err\x008.0.1\0c11-builtin\0", "8.0.1"),
        ],
        counter_example: "\x008.0.1\0",
        ..ROW
    },
    Product {
        listed: generic("redis", "redislabs:redis redis:redis"),
        files: &[
            Program("redis-server"),
            Program("redis-check-rdb"),
            Program("redis-check-aof"),
            Program("redis-cli"),
            Program("redis-sentinel"),
        ],
        beside: &["./redis-"],
        versions: &[
            r"\x00<V>\x00c11-builtin\x00",
            r"\x00<V>\x00 \(git:%s\x00",
            r"(?:^|[^0-9])([0-9]\.[0-9]{1,2}\.[0-9]{1,2})buildkitsandbox-[0-9]",
            r"(?:^|[^0-9])([0-9]\.[0-9]{1,2}\.[0-9]{1,2})[0-9A-Za-z-]{12}-[0-9]{10}",
            r"Redis version <N>",
        ],
        examples: &[
            ("upstart\0err\x007.0.15\0c11-builtin\0shutdown_in", "7.0.15"),
            ("TLS Error: %s\n\x007.0.15\0 (git:%s\0-dirty", "7.0.15"),
            (" 7.0.14buildkitsandbox-1702957741000000000", "7.0.14"),
            ("\x004.0.11841ce7054bd9-1542359302000000000", "4.0.11"),
            ("Server started, Redis version 2.8.23", "2.8.23"),
        ],
        counter_example: "TLS\x007.0.15\0",
        ..ROW
    },
    Product {
        listed: generic("memcached", "memcached:memcached"),
        files: &[Program("memcached")],
        versions: &[r"memcached <N>"],
        examples: &[("listen\0memcached 1.6.18\0udp-port", "1.6.18")],
        counter_example: "memcached %s",
        ..ROW
    },
    Product {
        listed: generic("postgresql", "postgresql:postgresql"),
        files: &[Program("postgres"), Program("psql"), Program("pg_dump")],
        beside: &[
            "lib/postgresql/",
            "lib/libpq",
            "lib/libecpg",
            "lib/libpgtypes",
            "./pg_",
            "./pgbench",
            "./psql",
            "./initdb",
            "./createdb",
            "./createuser",
            "./dropdb",
            "./dropuser",
            "./clusterdb",
            "./reindexdb",
            "./vacuumdb",
            "./vacuumlo",
            "./ecpg",
            "./oid2name",
        ],
        versions: &[
            r"PostgreSQL\) ([0-9]{1,2}(?:\.[0-9]{1,3}){0,2}(?:alpha|beta|rc)?[0-9]{0,2})",
            r"(?:^|\x00|\?)PostgreSQL ([0-9]{1,2}(?:\.[0-9]{1,3}){0,2}(?:alpha|beta|rc)?[0-9]{0,2})",
        ],
        examples: &[
            ("\"%s\".\0\0\0PostgreSQL 15.20 (Debian 15.20-0+deb12u1)", "15.20"),
            ("\0PostgreSQL 16.2 on x86_64-pc-linux-gnu", "16.2"),
            ("\0PostgreSQL 9.6.24\0", "9.6.24"),
            ("\0PostgreSQL 15beta4\0", "15beta4"),
            ("psql (PostgreSQL) 15.20\0", "15.20"),
        ],
        counter_example: "use PostgreSQL 15 or later",
        ..ROW
    },
    Product {
        listed: generic("mariadb", "mariadb:mariadb"),
        files: &[
            Program("mariadbd"),
            Program("mariadb"),
            Program("mysqld"),
            Program("mysql"),
            Program("mariadb-dump"),
        ],
        beside: &[
            "lib/plugin/",
            "lib/mysql/plugin/",
            "./mariadb",
            "./mysql",
            "./my",
            "./aria_",
            "./innochecksum",
        ],
        versions: &[r"(?:^|[^0-9.])(?:5\.5\.5-)?<N>-MariaDB"],
        examples: &[
            ("\x0010.11.19-MariaDB\0x86_64\0", "10.11.19"),
            ("BASE()\0debian-linux-gnu\x0010.11.19-MariaDB\0", "10.11.19"),
        ],
        counter_example: "MariaDB 10.11.19\0",
        ..ROW
    },
    Product {
        listed: generic("percona-xtradb-cluster", "percona:xtradb_cluster oracle:mysql"),
        files: &[Program("mysqld"), Program("mysql")],
        versions: &[r"/Percona-XtraDB-Cluster-<N>"],
        examples: &[("/build/Percona-XtraDB-Cluster-8.0.33/", "8.0.33")],
        counter_example: "/percona-server-8.0.33/",
        ..ROW
    },
    Product {
        listed: generic("percona-server", "percona:percona_server oracle:mysql"),
        files: &[Program("mysqld"), Program("mysql")],
        versions: &[r"/percona-server-<N>"],
        examples: &[("/mnt/workspace/percona-server-8.0.33-25/", "8.0.33")],
        counter_example: "/mysql-8.0.33/",
        ..ROW
    },
    Product {
        listed: generic("mysql", "oracle:mysql"),
        files: &[Program("mysqld"), Program("mysql"), Program("mysqldump"), Program("mysqladmin")],
        beside: &[
            "lib/plugin/",
            "lib/mysql/plugin/",
            "lib/private/",
            "lib/component_",
            "./mysql",
            "./my_",
            "./innochecksum",
            "./ibd2sdi",
            "./perror",
        ],
        versions: &[
            r"\x00([5-9]\.[0-9]{1,2}\.[0-9]{1,3})\x00{1,16}mysql",
            r"/mysql-([5-9]\.[0-9]{1,2}\.[0-9]{1,3})(?:-[a-z0-9]{1,6})?/",
        ],
        examples: &[
            ("shutdown\x008.0.37\0\0\0\0\0mysql_real_escape", "8.0.37"),
            ("/export/home/pb2/build/release/mysql-8.0.4-rc/mysys_ssl/my_default.cc", "8.0.4"),
        ],
        counter_example: "\x008.0.37\0",
        ..ROW
    },
    Product {
        listed: generic("percona-xtrabackup", "percona:xtrabackup"),
        files: &[Program("xtrabackup")],
        versions: &[r"/percona-xtrabackup-<N>"],
        examples: &[("/percona-xtrabackup-8.0.34-29/", "8.0.34")],
        counter_example: "xtrabackup 8.0.34",
        ..ROW
    },
    Product {
        listed: generic("mongodb", "mongodb:mongodb"),
        files: &[Program("mongod"), Program("mongos"), Program("mongo")],
        versions: &[
            r"(?:^|[^0-9.])<N>\x00tcmalloc",
            r"(?:^|[^0-9.])<N>\x00{1,16}(?:heap_size|cppdefines)",
        ],
        examples: &[
            ("\x006.0.27\0tcmalloc", "6.0.27"),
            ("\x007.0.28\0heap_size", "7.0.28"),
            ("\x008.0.17\0cppdefines", "8.0.17"),
        ],
        counter_example: "\x006.0.27\0",
        ..ROW
    },
    Product {
        listed: generic("sqlite", "sqlite:sqlite"),
        files: &[Library("libsqlite3"), Program("sqlite3"), Library("libsqlite")],
        beside: &["./sqlite3"],
        versions: &[r"\x00(3\.[0-9]{1,2}\.[0-9]{1,2}(?:\.[0-9])?)\x00"],
        examples: &[("\0\0\x003.40.1\0\0\x01\0\0\0", "3.40.1")],
        counter_example: "3.40\0",
        ..ROW
    },
    Product {
        listed: generic("sqlcipher", "zetetic:sqlcipher"),
        files: &[Program("sqlcipher"), Library("libsqlcipher")],
        versions: &[
            r"[^0-9]\x00<N> (?:community|commercial)\x00",
            r"[^0-9]\x00(4\.[0-9]{1,2}\.[0-9]{1,2})\x00",
        ],
        examples: &[("x\x004.5.6 community\0", "4.5.6")],
        counter_example: "\x003.40.1\0",
        ..ROW
    },
    Product {
        listed: generic("arangodb", "arangodb:arangodb"),
        files: &[Program("arangod"), Program("arangosh")],
        versions: &[r"<N>(?:-[0-9]{1,2})? (?:enterprise )?\[linux\]"],
        examples: &[("\x003.11.8 [linux]", "3.11.8")],
        counter_example: "ArangoDB 3.11.8",
        ..ROW
    },
    Product {
        listed: module("go.etcd.io/etcd/server/v3", "etcd:etcd redhat:etcd"),
        files: &[Program("etcd")],
        versions: &[
            r"dep\tgo\.etcd\.io/etcd/api/v3\tv<V>",
            r"proto\.touch/%s:%s(3\.[0-9]\.[0-9]{1,2})390625",
        ],
        examples: &[("dep\tgo.etcd.io/etcd/api/v3\tv3.5.1\t(devel)", "3.5.1")],
        counter_example: "go.etcd.io/etcd/api/v3 3.5.1",
        ..ROW
    },
    // Secure transport, names and remote access.
    Product {
        listed: generic("openssl", "openssl:openssl"),
        files: &[Library("libcrypto"), Program("openssl")],
        beside: &[
            "./libssl",
            "lib/libssl",
            "lib64/libssl",
            "lib/engines",
            "lib64/engines",
            "lib/ossl-modules/",
            "lib64/ossl-modules/",
            "bin/openssl",
        ],
        versions: &[
            r"\x00OpenSSL ([0-9]\.[0-9]\.[0-9]{1,2}(?:[a-z]{1,2}|-(?:alpha|beta|rc|dev|pre)[0-9]{0,2})?(?:-fips)?) {1,2}[0-9]{1,2} [A-Z]",
            r"\x00OpenSSL ([0-9]\.[0-9]\.[0-9]{1,2}[a-z]{0,2})",
        ],
        examples: &[
            ("N/A\0OpenSSL 3.0.22 25 Aug 2026\0%s (Li", "3.0.22"),
            ("\0OpenSSL 1.1.1w  11 Sep 2023\0", "1.1.1w"),
            ("\0OpenSSL 1.0.2za-fips  24 Aug 2021\0", "1.0.2za-fips"),
        ],
        counter_example: "\0LibreSSL 3.8.2\0OpenSSL 3 is",
        ..ROW
    },
    Product {
        listed: generic("libressl", "openbsd:libressl"),
        files: &[Library("libcrypto"), Program("openssl")],
        beside: &["./libssl", "./libtls"],
        versions: &[r"\x00LibreSSL <N>"],
        examples: &[("\0LibreSSL 3.8.2\0", "3.8.2")],
        counter_example: "\0OpenSSL 1.1.1w  11 Sep 2023\0",
        ..ROW
    },
    Product {
        listed: generic("gnutls", "gnu:gnutls"),
        files: &[Library("libgnutls")],
        versions: &[r"Enabled GnuTLS <N> logging"],
        examples: &[("\0\0Enabled GnuTLS 3.7.9 logging...\n\0", "3.7.9")],
        counter_example: "\x003.7.9\0",
        ..ROW
    },
    Product {
        listed: generic("openssh", "openbsd:openssh"),
        files: &[Program("sshd"), Program("ssh"), Program("sftp-server"), Program("sshd-session")],
        versions: &[r"\x00OpenSSH_([0-9]{1,2}\.[0-9]{1,2}p[0-9])"],
        examples: &[("\0\0OpenSSH_9.2p1 Debian-2+deb12u10\0", "9.2p1")],
        counter_example: "\0OpenSSH_2.*,OpenSSH_3.0*\0OpenSSH_9.2\0",
        ..ROW
    },
    Product {
        listed: generic("libssh2", "libssh2:libssh2"),
        files: &[Library("libssh2")],
        versions: &[r"SSH-2\.0-libssh2_<N>"],
        examples: &[("length\0SSH-2.0-libssh2_1.10.0\0Timed", "1.10.0")],
        counter_example: "libssh2 1.10.0",
        ..ROW
    },
    Product {
        listed: generic("bind", "isc:bind"),
        files: &[Program("named")],
        versions: &[r"libisc-<N>"],
        examples: &[("libjemalloc.so.2\0libisc-9.18.49-1~deb12u3-Debian.so\0", "9.18.49")],
        counter_example: "BIND 9",
        ..ROW
    },
    Product {
        listed: generic("unbound", "nlnetlabs:unbound"),
        files: &[Program("unbound"), Library("libunbound")],
        versions: &[r"\x00unbound <N>\x00"],
        examples: &[("READY=1\0unbound 1.17.1\0start of service", "1.17.1")],
        counter_example: "\x001.17.1\0",
        ..ROW
    },
    Product {
        listed: generic("dnsmasq", "thekelleys:dnsmasq"),
        files: &[Program("dnsmasq")],
        versions: &[r"\x00dnsmasq-<N>"],
        examples: &[("dnsmasq.conf\0dnsmasq-2.90\0version.bind", "2.90")],
        counter_example: "/var/run/dnsmasq.pid",
        ..ROW
    },
    Product {
        listed: generic("curl", "haxx:curl"),
        files: &[Program("curl")],
        versions: &[r"\x00curl/<N>\x00", r"\x00curl <N> \(", r"curl/<N>"],
        examples: &[
            ("json\0curl/7.88.1\0\0\0", "7.88.1"),
            ("categories:\n\0\0\0curl 7.88.1 (x86_64-pc-linux-gnu) ", "7.88.1"),
        ],
        counter_example: "curl/%s",
        ..ROW
    },
    Product {
        listed: generic("libcurl", "haxx:libcurl haxx:curl"),
        files: &[Library("libcurl"), Library("libcurl-gnutls"), Library("libcurl-nss")],
        versions: &[r"CLIENT libcurl <N>\r\n", r"libcurl/<N>"],
        examples: &[
            ("\0CLIENT libcurl 7.88.1\r\nMATCH", "7.88.1"),
            ("\0libcurl/7.88.1\0zlib/%s", "7.88.1"),
        ],
        counter_example: "libcurl/%s",
        ..ROW
    },
    Product {
        listed: generic("wget", "gnu:wget"),
        files: &[Program("wget")],
        versions: &[r"\x00Wget/<N>", r"/wget-<N>[=/]"],
        examples: &[("/build/wget-1.21.3=. -fstack-protector", "1.21.3")],
        counter_example: "Wget/%s",
        ..ROW
    },
    Product {
        listed: generic("nghttp2", "nghttp2:nghttp2"),
        files: &[Library("libnghttp2")],
        versions: &[
            r"\x00(?:\xff{3})?(1\.[0-9]{1,3}\.[0-9]{1,2})\x00",
            r"\xff(1\.[0-9]{1,3}\.[0-9]{1,2})\x00",
        ],
        examples: &[("\0\x001.52.0\0\0", "1.52.0")],
        counter_example: "nghttp2/1",
        ..ROW
    },
    Product {
        listed: generic("samba", "samba:samba"),
        files: &[Program("smbd"), Program("winbindd"), Program("samba")],
        versions: &[r"\x00SAMBA_<N>"],
        examples: &[("send\0SAMBA_4.17.12_DEBIAN_SAMBA4\0", "4.17.12")],
        counter_example: "\0SAMBA_INTERNAL\0",
        ..ROW
    },
    Product {
        listed: generic("proftpd", "proftpd:proftpd"),
        files: &[Program("proftpd")],
        versions: &[r"\x00ProFTPD Version ([0-9]\.[0-9]\.[0-9]{1,2}(?:[a-z]|rc[0-9])?)\x00"],
        examples: &[
            ("\0ProFTPD Version 1.3.8\0LANG", "1.3.8"),
            ("\0ProFTPD Version 1.3.7f\0", "1.3.7f"),
        ],
        counter_example: "ProFTPD Version: %s",
        ..ROW
    },
    Product {
        listed: generic("vsftpd", "vsftpd_project:vsftpd"),
        files: &[Program("vsftpd")],
        versions: &[r"vsftpd: version <N>\n", r"\(vsFTPd <N>\)"],
        examples: &[("argv[0]\0vsftpd: version 3.0.3\n\0", "3.0.3")],
        counter_example: "vsFTPd 3",
        ..ROW
    },
    Product {
        listed: generic("exim", "exim:exim"),
        files: &[Program("exim"), Program("exim4")],
        versions: &[r"<<eximcnumber>>\x00<N>\x00"],
        examples: &[("%d\0<<eximcnumber>>\x004.96\0<<eximversion>>", "4.96")],
        counter_example: "Exim version %s",
        ..ROW
    },
    Product {
        listed: generic("dovecot", "dovecot:dovecot"),
        files: &[Program("dovecot"), Program("doveadm")],
        versions: &[r"\x00<N>\x00DOVECOT_VERSION\x00", r"Dovecot v<N>"],
        examples: &[
            ("HOSTDOMAIN\x002.3.19.1\0DOVECOT_VERSION\0STA", "2.3.19.1"),
            ("Dovecot v2.3.19.1 (9b53102964) starting", "2.3.19.1"),
        ],
        counter_example: "Dovecot v%s",
        ..ROW
    },
    Product {
        listed: generic("postfix", "postfix:postfix"),
        files: &[
            Path("libexec/postfix/master"),
            Path("postfix/sbin/master"),
            Library("libpostfix-global"),
        ],
        versions: &[r"mail_version=<N>", r"\x00mail_version\x00<N>\x00"],
        examples: &[("list\0mail_version=3.7.11\0MAIL_VERBOSE", "3.7.11")],
        counter_example: "mail_version=%s",
        ..ROW
    },
    Product {
        listed: generic("tor", "torproject:tor"),
        files: &[Program("tor")],
        versions: &[r"\x00tor (0\.[0-9]\.[0-9]{1,2}\.[0-9]{1,2}(?:-alpha|-rc)?)"],
        examples: &[("FD\0tor 0.4.9.11\0\0\0INTERNAL", "0.4.9.11")],
        counter_example: "tor-network",
        ..ROW
    },
    Product {
        listed: generic("keepalived", "keepalived:keepalived"),
        files: &[Program("keepalived")],
        versions: &[r"\x00Keepalived v<N>"],
        examples: &[("\0\0Keepalived v2.2.7 (01/16,2022)\0", "2.2.7")],
        counter_example: "Keepalived version",
        ..ROW
    },
    // The command line.
    Product {
        listed: generic("busybox", "busybox:busybox"),
        files: &[Program("busybox"), Program("busybox.static"), Library("libbusybox")],
        versions: &[r"BusyBox {1,4}v<N>"],
        examples: &[("out of memory\0BusyBox v1.35.0 (Debian 1:1.35.0-4+b1)", "1.35.0")],
        counter_example: "BusyBox v%s",
        ..ROW
    },
    Product {
        listed: generic("bash", "gnu:bash"),
        files: &[Program("bash")],
        versions: &[r"@\(#\)Bash version <N>\([0-9]{1,3}\) [a-z0-9]{1,8} GNU"],
        examples: &[("\0@(#)Bash version 5.2.15(1) release GNU\0\0", "5.2.15")],
        counter_example: "GNU bash, version %s",
        ..ROW
    },
    Product {
        listed: generic("util-linux", "kernel:util-linux"),
        files: &[Program("getopt"), Program("mount"), Program("lsblk")],
        versions: &[r"\x00util-linux ([0-9]\.[0-9]{1,2}(?:\.[0-9]{1,2})?)\x00"],
        examples: &[
            ("%s from %s\n\0util-linux 2.38.1\0\nUsage:", "2.38.1"),
            ("\0util-linux 2.39\0", "2.39"),
        ],
        counter_example: "\0util-linux\0GETOPT",
        ..ROW
    },
    Product {
        listed: generic("git", "git-scm:git git:git"),
        files: &[Program("git")],
        beside: &["libexec/git-core/", "lib/git-core/", "./git-", "./scalar"],
        versions: &[r"\x00?git/<N>\x00GIT_USER_AGENT", r"git/<N>\x00"],
        examples: &[("\u{feff}git/2.39.5\0GIT_USER_AGENT\0\x002.39.5\0", "2.39.5")],
        counter_example: "git/%s",
        ..ROW
    },
    Product {
        listed: generic("jq", "jqlang:jq"),
        files: &[Program("jq")],
        versions: &[
            r"\x00(1\.[0-9]{1,2}(?:\.[0-9]{1,2})?(?:rc[0-9])?)\x00",
            r"jq-(1\.[0-9]{1,2}(?:\.[0-9]{1,2})?(?:rc[0-9])?)\x00",
        ],
        examples: &[("failed: %s\n\x001.6\0DEBUG:\0", "1.6"), ("\0jq-1.7.1\0", "1.7.1")],
        counter_example: "jq: error (at %s)",
        ..ROW
    },
    Product {
        listed: generic("gzip", "gnu:gzip"),
        files: &[Program("gzip")],
        versions: &[r"\x00(1\.[0-9]{1,2}(?:\.[0-9])?)\x00"],
        examples: &[("while zipping\n\x001.12\0\0\0", "1.12")],
        counter_example: "gzip %s",
        ..ROW
    },
    Product {
        listed: generic("xz", "tukaani:xz"),
        files: &[Program("xz"), Program("xzdec"), Library("liblzma")],
        beside: &["./xz", "./lzma"],
        versions: &[
            r"\x00xz(?:dec)? \(XZ Utils\) (5\.[0-9]{1,2}\.[0-9]{1,2}(?:alpha|beta)?)\x00",
            r"\x00(5\.[0-9]{1,2}\.[0-9]{1,2}(?:alpha|beta)?)\x00",
        ],
        examples: &[
            ("%s\n\0xz (XZ Utils) 5.4.1\0liblzma %s\n\0", "5.4.1"),
            ("\0\0\x005.4.1\0\0\0b=\u{fe}", "5.4.1"),
        ],
        counter_example: "XZ Utils 5.4.1",
        ..ROW
    },
    Product {
        listed: generic("zstd", "facebook:zstandard"),
        files: &[Program("zstd"), Library("libzstd")],
        versions: &[r"\x00v<N>\x00", r"[^0-9.](1\.[0-9]\.[0-9]{1,2})\x00{2}"],
        examples: &[
            ("Enabled\0v1.5.4\0Zstandard CLI\0", "1.5.4"),
            ("\u{85}1.5.4\0\0\0\0", "1.5.4"),
        ],
        counter_example: "zstd 1.5.4 by Yann Collet",
        ..ROW
    },
    Product {
        listed: generic("rsync", "samba:rsync rsync_project:rsync"),
        files: &[Program("rsync")],
        versions: &[r"\x00(3\.[0-9]\.[0-9]{1,2}(?:pre[0-9])?)\x00"],
        examples: &[("\x003.2.7\0", "3.2.7")],
        counter_example: "rsync  version %s",
        ..ROW
    },
    Product {
        listed: generic("tcpdump", "tcpdump:tcpdump"),
        files: &[Program("tcpdump")],
        versions: &[r"%s version <N>\n"],
        examples: &[("%u\r\0%s version 4.99.3\n\0SMI-library: %s\n", "4.99.3")],
        counter_example: "%s version %s\n",
        ..ROW
    },
    Product {
        listed: generic("nmap", "nmap:nmap"),
        files: &[Program("nmap")],
        versions: &[r"https://nmap\.org\x00<N>\x00"],
        examples: &[("NAXGS\0https://nmap.org\x007.93\0Nmap\0", "7.93")],
        counter_example: "https://nmap.org/7.93",
        ..ROW
    },
    Product {
        listed: generic("syslog-ng", "oneidentity:syslog-ng"),
        files: &[Program("syslog-ng")],
        versions: &[r"syslog-ng [0-9] \(<N>\)"],
        examples: &[("\0syslog-ng 3 (3.38.1)\nConfig version: 3.35", "3.38.1")],
        counter_example: "syslog-ng/3.38",
        ..ROW
    },
    Product {
        listed: generic("tini", ""),
        files: &[Program("tini"), Program("tini-static")],
        versions: &[r"tini version <N>"],
        examples: &[("[INFO  tini (%i)] \0tini version 0.19.0\0%s", "0.19.0")],
        counter_example: "tini (%i)",
        ..ROW
    },
    Product {
        listed: generic("fluent-bit", "treasuredata:fluent_bit"),
        files: &[Program("fluent-bit")],
        versions: &[r"\x00<N>\x00{1,8}(?:\x1b\[1m\x00)?(?:%s)?Fluent"],
        examples: &[
            ("\x003.0.2\0%sFluent Bit", "3.0.2"),
            ("\x002.2.1\0\0\0Fluent Bit", "2.2.1"),
            ("\x001.7.0\0\x1b[1m\0%sFluent Bit", "1.7.0"),
        ],
        counter_example: "Fluent Bit v%s",
        ..ROW
    },
    // Media and documents.
    Product {
        listed: generic("ffmpeg", "ffmpeg:ffmpeg"),
        files: &[
            Program("ffmpeg"),
            Program("ffprobe"),
            Library("libavcodec"),
            Library("libavformat"),
            Library("libavutil"),
            Library("libavfilter"),
            Library("libavdevice"),
            Library("libswresample"),
            Library("libswscale"),
        ],
        beside: &["./libpostproc"],
        versions: &[r"FFmpeg version n?<N>", r"%s version n?<N>", r"\x00ffmpeg version n?<N>"],
        examples: &[
            ("specified.\n\0%s version 5.1.9-0+deb12u1\0%sbuilt", "5.1.9"),
            ("or later\0\0\0FFmpeg version 5.1.9-0+deb12u1\0\0", "5.1.9"),
            ("FFmpeg version n6.0\0", "6.0"),
        ],
        counter_example: "Update your FFmpeg version to the newest one from Git.",
        ..ROW
    },
    Product {
        listed: generic("imagemagick", "imagemagick:imagemagick"),
        files: &[
            Program("magick"),
            Program("convert"),
            Library("libMagickCore-6.Q16"),
            Library("libMagickCore-7.Q16HDRI"),
            Library("libMagickCore-7.Q16"),
            Library("libMagickCore-6.Q16HDRI"),
        ],
        beside: &["./libMagick", "lib/ImageMagick-"],
        versions: &[r"ImageMagick ([0-9]\.[0-9]\.[0-9]{1,2}-[0-9]{1,3})"],
        examples: &[("php\0\0ImageMagick 6.9.11-60 Q16 x86_64 2021", "6.9.11-60")],
        counter_example: "ImageMagick Studio LLC",
        ..ROW
    },
    Product {
        listed: generic("libpng", "libpng:libpng"),
        files: &[Library("libpng")],
        versions: &[r"libpng version <N>"],
        examples: &[("\nlibpng version 1.6.39\nCopyright", "1.6.39")],
        counter_example: "\x001.6.39\0",
        ..ROW
    },
    Product {
        listed: generic("libtiff", "libtiff:libtiff"),
        files: &[Library("libtiff")],
        versions: &[r"LIBTIFF, Version <N>"],
        examples: &[("\0LIBTIFF, Version 4.5.0\nCopyright", "4.5.0")],
        counter_example: "LIBTIFF_4.0",
        ..ROW
    },
    Product {
        listed: generic("expat", "libexpat_project:libexpat"),
        files: &[Library("libexpat")],
        versions: &[r"expat_<N>\x00"],
        examples: &[("not started\0expat_2.5.0\0\\0\0", "2.5.0")],
        counter_example: "expat 2.5.0",
        ..ROW
    },
    Product {
        listed: generic("zlib", "zlib:zlib"),
        files: &[Library("libz")],
        versions: &[r"(?:deflate|inflate) <N> Copyright"],
        examples: &[("- deflate 1.2.13 Copyright 1995-2022 Jean-loup Gailly", "1.2.13")],
        counter_example: "\x001.2.13\0need dictionary",
        ..ROW
    },
    Product {
        listed: generic("pcre2", "pcre:pcre2"),
        files: &[
            Library("libpcre2-8"),
            Library("libpcre2-16"),
            Library("libpcre2-32"),
            Library("libpcre2-posix"),
        ],
        versions: &[r"(10\.[0-9]{1,2}) 20[0-9]{2}-[0-9]{2}-[0-9]{2}\x00"],
        examples: &[("\x0010.42 2022-12-11\0\0\0", "10.42")],
        counter_example: "PCRE2 10.42",
        ..ROW
    },
    Product {
        listed: generic("libarchive", "libarchive:libarchive"),
        files: &[Library("libarchive")],
        versions: &[r"\x00libarchive <N>\x00"],
        examples: &[("abcdef\0libarchive 3.6.2\0/tmp", "3.6.2")],
        counter_example: "libarchive",
        ..ROW
    },
    Product {
        listed: generic("qtbase", "qt:qt qt:qtbase"),
        files: &[Library("libQt5Core"), Library("libQt6Core"), Library("libQtCore")],
        versions: &[r"\x00Qt <N> \(", r"QtCore library version <N>"],
        examples: &[("/etc/xdg\0Qt 5.15.8 (x86_64-little_endian", "5.15.8")],
        counter_example: "Qt 5",
        ..ROW
    },
    Product {
        listed: generic("chrome", "google:chrome"),
        files: &[
            Program("chrome"),
            Program("chromium"),
            Program("chromium-browser"),
            Program("chrome-headless-shell"),
            Program("headless_shell"),
        ],
        beside: &["./"],
        versions: &[
            r"\x00([0-9]{2,3}\.0\.[0-9]{4,5}\.[0-9]{1,3})\x00(?:Default|chrome\x00|ecma-114)",
            r"(?:Headless)?Chrome/([0-9]{2,3}\.0\.[0-9]{4,5}\.[0-9]{1,3})",
        ],
        examples: &[
            ("\x00127.0.6533.119\0Default", "127.0.6533.119"),
            ("-7977df514114\x00156.0.8078.114\0ecma-114\0iso8859-14", "156.0.8078.114"),
        ],
        counter_example: "\x00127.0.0.1\0\x00153.0.8010.0\0",
        ..ROW
    },
    // Programs in Go whose build says too little: their linker was told.
    Product {
        listed: module("helm.sh/helm/v3", "helm:helm"),
        files: &[Program("helm")],
        versions: LINKED,
        examples: &[
            ("-X helm.sh/helm/v3/internal/version.version=v3.14.0 -X", "3.14.0"),
            ("\0v3.12.3\0", "3.12.3"),
        ],
        counter_example: "helm.sh/helm/v3 v3",
        ..ROW
    },
    Product {
        listed: module("k8s.io/kubernetes", "kubernetes:kubernetes"),
        files: &[
            Program("kubectl"),
            Program("kubelet"),
            Program("kubeadm"),
            Program("kube-apiserver"),
            Program("kube-controller-manager"),
            Program("kube-scheduler"),
            Program("kube-proxy"),
        ],
        versions: &[r"version\.gitVersion=v<V>", r"\x00v<V>\x00"],
        examples: &[
            ("-X 'k8s.io/component-base/version.gitVersion=v1.28.4'", "1.28.4"),
            ("\0v1.28.4\0", "1.28.4"),
        ],
        counter_example: "v1.28 of it",
        ..ROW
    },
    Product {
        listed: module("github.com/docker/cli", "docker:docker"),
        files: &[Program("docker")],
        versions: LINKED,
        examples: &[
            ("-X \"github.com/docker/cli/cli/version.Version=24.0.7\"", "24.0.7"),
            ("go1.19.8\0\0\x0020.10.24+dfsg1\0\0", "20.10.24"),
        ],
        counter_example: "docker/20.10",
        ..ROW
    },
    Product {
        listed: module("github.com/docker/docker", "docker:docker mobyproject:moby"),
        files: &[Program("dockerd")],
        versions: LINKED,
        examples: &[("-X \"github.com/docker/docker/dockerversion.Version=24.0.7\"", "24.0.7")],
        counter_example: "docker/20.10",
        ..ROW
    },
    Product {
        listed: module("github.com/containerd/containerd", "linuxfoundation:containerd"),
        files: &[Program("containerd"), Program("ctr"), Program("containerd-shim-runc-v2")],
        versions: LINKED,
        examples: &[
            ("-X github.com/containerd/containerd/version.Version=v1.7.13", "1.7.13"),
            ("go1.19.8\0\0\x001.6.20~ds1\0\0", "1.6.20"),
        ],
        counter_example: "netns1.6.20+unknown190734863281254",
        ..ROW
    },
    Product {
        listed: module("github.com/opencontainers/runc", "linuxfoundation:runc"),
        files: &[Program("runc")],
        versions: LINKED,
        examples: &[("-X main.version=1.1.12 ", "1.1.12"), ("go1.19.8\0\x001.1.5+ds1\0", "1.1.5")],
        counter_example: "runc 1.1",
        ..ROW
    },
    Product {
        listed: module("github.com/hashicorp/consul", "hashicorp:consul"),
        files: &[Program("consul")],
        versions: &[
            r"CONSUL_VERSION: <N>",
            r"-X github\.com/hashicorp/consul/version\.Version=<V>",
        ],
        examples: &[("<!-- CONSUL_VERSION: 1.16.1 -->", "1.16.1")],
        counter_example: "\x001.16.1\0",
        ..ROW
    },
    Product {
        listed: module("github.com/hashicorp/vault", "hashicorp:vault"),
        files: &[Program("vault")],
        versions: &[
            r"/vault/(?:sdk/)?version\.[vV]ersion=<V>",
            r"revoke([0-9]\.[0-9]{1,2}\.[0-9]{1,2})",
        ],
        examples: &[
            ("revoke1.18.0", "1.18.0"),
            ("-X github.com/hashicorp/vault/sdk/version.Version=1.9.2", "1.9.2"),
        ],
        counter_example: "\x001.18.0\0",
        ..ROW
    },
    Product {
        listed: module("github.com/hashicorp/terraform", "hashicorp:terraform"),
        files: &[Program("terraform")],
        versions: &[
            r"github\.com/hashicorp/terraform/version\.(?:dev|[vV]ersion)=<V>",
            r"TERRAFORM_VERSION: <N>",
        ],
        examples: &[("-X 'github.com/hashicorp/terraform/version.Version=1.5.7'", "1.5.7")],
        counter_example: "terraform/1.5.7",
        ..ROW
    },
    Product {
        listed: generic("istio", "istio:istio"),
        files: &[Program("pilot-discovery"), Program("pilot-agent"), Program("istioctl")],
        versions: &[
            r"-X istio\.io/(?:istio/)?pkg/version\.buildVersion=<V>",
            r"Clean\x00{1,16}<V>\x00",
            r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}\x00{1,16}<V>\x00",
        ],
        examples: &[("\x001.26.8\0\x001.26.8\0", "1.26.8"), ("Clean\0\0\x001.8.0\0", "1.8.0")],
        counter_example: "\x001.26.8\0",
        ..ROW
    },
    Product {
        listed: generic("grafana", "grafana:grafana"),
        files: &[Program("grafana"), Program("grafana-server"), Program("grafana-cli")],
        versions: &[r"-X main\.version=<V>", r"\x00release-<V>\x00", r"HEAD\x00{1,16}<V>\x00"],
        examples: &[
            ("-X main.version=10.0.3 -X main.commit", "10.0.3"),
            ("\0\0release-12.3.1\0\0", "12.3.1"),
            ("HEAD\0\0\0\x009.4.14\0\0", "9.4.14"),
        ],
        counter_example: "\x0012.3.1\0",
        ..ROW
    },
    Product {
        listed: generic("prometheus", "prometheus:prometheus"),
        files: &[Program("prometheus"), Program("promtool")],
        versions: &[
            r"-X github\.com/prometheus/common/version\.Version=<V>",
            r"\x00<V>(?:\+ds)?\x00",
        ],
        examples: &[
            ("-X github.com/prometheus/common/version.Version=2.48.1", "2.48.1"),
            ("go1.19.8\0\0\x002.42.0+ds\0\0", "2.42.0"),
        ],
        counter_example: "prometheus/2.42.0",
        ..ROW
    },
    Product {
        listed: generic("minio", "minio:minio"),
        files: &[Program("minio")],
        versions: &[
            r"ReleaseTag=(RELEASE\.20[0-9T-]{15,22}Z)",
            r"/minio/cmd\.Version=(20[0-9T:-]{15,22}Z)",
        ],
        examples: &[(
            "-X github.com/minio/minio/cmd.ReleaseTag=RELEASE.2023-09-04T19-57-37Z",
            "RELEASE.2023-09-04T19-57-37Z",
        )],
        counter_example: "RELEASE.",
        ..ROW
    },
    Product {
        listed: generic("gitlab-runner", "gitlab:runner"),
        files: &[Program("gitlab-runner")],
        versions: &[
            r"gitlab-runner/common\.VERSION=<V>",
            r"gitlab-runner/common/version\.VERSION=<V>",
        ],
        examples: &[("-X gitlab.com/gitlab-org/gitlab-runner/common.VERSION=16.5.0", "16.5.0")],
        counter_example: "gitlab-runner 16.5.0",
        ..ROW
    },
];
