//! Table: private keys in PEM form.
//!
//! In: nothing. Out: a row for each label. Source: RFC 1421, RFC 5958, RFC 9580; `PROTOCOL.key` of OpenSSH. Odd: what is
//! behind the label is decoded, so that a label in a text about keys is none.

use crate::sensitive::rule::{Check, SecretRule, around, pem};

/// By label.
pub(in crate::sensitive) const PRIVATE_KEYS: &[SecretRule] = &[
    pem(
        "rsa-private-key",
        "rsa_private_key",
        "RSA private key",
        "RSA PRIVATE KEY",
        (
            &[
                "-----BEGIN RSA PRIVATE KEY-----\n{rsa}\n-----END RSA PRIVATE KEY-----\n",
                "key = \"-----BEGIN RSA PRIVATE KEY-----\\n{rsa1}\\n-----END RSA PRIVATE KEY-----\"",
            ],
            &[
                "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n",
                "if text.startswith('-----BEGIN RSA PRIVATE KEY-----'):\n    load_the_key_that_is_in_the_text_of_the_file(text)\n",
            ],
        ),
    ),
    pem(
        "ec-private-key",
        "ec_private_key",
        "EC private key",
        "EC PRIVATE KEY",
        (
            &["-----BEGIN EC PRIVATE KEY-----\n{ec}\n-----END EC PRIVATE KEY-----\n"],
            &["-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE...\n-----END EC PRIVATE KEY-----\n"],
        ),
    ),
    pem(
        "dsa-private-key",
        "dsa_private_key",
        "DSA private key",
        "DSA PRIVATE KEY",
        (
            &["-----BEGIN DSA PRIVATE KEY-----\n{rsa}\n-----END DSA PRIVATE KEY-----\n"],
            &["-----BEGIN DSA PRIVATE KEY-----\n<key>\n-----END DSA PRIVATE KEY-----\n"],
        ),
    ),
    pem(
        "openssh-private-key",
        "openssh_private_key",
        "OpenSSH private key",
        "OPENSSH PRIVATE KEY",
        (
            &["-----BEGIN OPENSSH PRIVATE KEY-----\n{ssh}\n-----END OPENSSH PRIVATE KEY-----\n"],
            &[
                "-----BEGIN OPENSSH PRIVATE KEY-----\nYOUR KEY HERE\n-----END OPENSSH PRIVATE KEY-----\n",
            ],
        ),
    ),
    pem(
        "pgp-private-key",
        "pgp_private_key",
        "PGP private key",
        "PGP PRIVATE KEY BLOCK",
        (
            &[
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n{pgp}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n",
            ],
            &[
                "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{pgp}\n-----END PGP PUBLIC KEY BLOCK-----\n",
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{b64:20}\n-----END PGP PRIVATE KEY BLOCK-----\n",
            ],
        ),
    ),
    pem(
        "pkcs8-private-key",
        "common_private_key",
        "Private key (PKCS #8)",
        "PRIVATE KEY",
        (
            &["-----BEGIN PRIVATE KEY-----\n{pkcs8}\n-----END PRIVATE KEY-----\n"],
            &[
                "-----BEGIN PUBLIC KEY-----\n{pkcs8}\n-----END PUBLIC KEY-----\n",
                "-----BEGIN PRIVATE KEY-----\n{an:20}\n-----END PRIVATE KEY-----\n",
            ],
        ),
    ),
    pem(
        "encrypted-private-key",
        "common_private_key",
        "Encrypted private key (PKCS #8)",
        "ENCRYPTED PRIVATE KEY",
        (
            &[
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{pbes}\n-----END ENCRYPTED PRIVATE KEY-----\n",
            ],
            &["-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n"],
        ),
    ),
    around(
        "age-secret-key",
        "common_private_key",
        "age secret key",
        &["age-secret-key-1"],
        (0, r"AGE-SECRET-KEY-1([QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})"),
        (&["AGE-SECRET-KEY-1{age:58}"], &["AGE-SECRET-KEY-1{age:20}"]),
    ),
    SecretRule {
        check: Check::None,
        ..around(
            "kubeconfig-client-key",
            "k8s_client_key",
            "Client key in a kubeconfig",
            &["client-key-data:"],
            (0, r#"(?i)client-key-data:[ \t]*["']?(LS0tLS1CRUdJTi[0-9A-Za-z+/]{60})"#),
            (
                &["users:\n- user:\n    client-key-data: LS0tLS1CRUdJTi{b64:90}\n"],
                &["    client-key-data: REDACTED\n", "client-key-data: {b64:90}\n"],
            ),
        )
    },
];
