//! Table: passwords and secrets of anything.
//!
//! In: nothing. Out: rows; the last of all tables. Source: RFC 3986 on user information; kinds as gitleaks and trivy have them.
//! Odd: what merely stands under a general name is told by its looks alone, counts low, and not at all in the code of
//! libraries.

use plimsoll_model::Level::High;

use crate::sensitive::rule::{Alphabet::Literal, Check, SecretRule, around, assigned, of};

/// What has no other row.
pub(in crate::sensitive) const GENERAL: &[SecretRule] = &[
    SecretRule {
        check: Check::Password,
        ..around(
            "database-url",
            "common_database_cfg",
            "Database address with a password",
            &[
                "postgres://",
                "postgresql://",
                "mysql://",
                "mariadb://",
                "mongodb://",
                "mongodb+srv://",
                "redis://",
                "rediss://",
                "amqp://",
                "amqps://",
                "mssql://",
                "sqlserver://",
                "clickhouse://",
                "cockroachdb://",
                "postgresql+psycopg2://",
                "mysql+pymysql://",
                "ldap://",
                "ldaps://",
            ],
            (0, r#"[a-zA-Z0-9+]{4,24}://[^\s:/@"'<>`\\]{0,64}:([^\s@/"'<>`\\]{3,100})@[0-9A-Za-z._\[-]"#),
            (
                &["DB_URL=postgres://shop:{an:14}@db.internal:5432/shop", "redis://:{an:12}@cache:6379/0"],
                &["postgres://user:password@localhost/db", "postgres://shop:${DB_PASSWORD}@db/shop", "postgres://db/shop", "mysql://user:<password>@host/db"],
            ),
        )
    },
    SecretRule {
        check: Check::Password,
        ..around(
            "jdbc-password",
            "common_database_cfg",
            "JDBC address with a password",
            &["jdbc:"],
            (0, r#"jdbc:[0-9a-z:]{3,40}[^\s"'<>]{3,200}?[?&;](?i:password|pwd)=([^\s&;"'<>]{3,100})"#),
            (
                &["url=jdbc:mysql://db/shop?user=shop&password={an:12}"],
                &["url=jdbc:mysql://db/shop?user=shop&password=${p}", "jdbc:h2:mem:test"],
            ),
        )
    },
    SecretRule {
        check: Check::Password,
        ..around(
            "ado-connection-string",
            "common_database_cfg",
            "Connection string with a password",
            &["password=", "pwd="],
            (
                160,
                r#"(?i:server|data source|host|addr)[ ]?=[^;"'\n]{1,80};[^"'\n]{0,120}?(?i:password|pwd)[ ]?=[ ]?([^;"'\s<>]{3,100})"#,
            ),
            (
                &["\"Default\": \"Server=db;Database=shop;User Id=sa;Password={an:12};\""],
                &["Server=db;Database=shop;User Id=sa;Password=${SA};", "Server=db;Integrated Security=true"],
            ),
        )
    },
    SecretRule {
        check: Check::Password,
        ..assigned(
            "datasource-password",
            "common_database_cfg",
            "Database password in a configuration",
            &[
                "spring.datasource.password",
                "db_pass",
                "db.pass",
                "dbpass",
                "database_pass",
                "database.pass",
                "mysql_pass",
                "mysql_root_pass",
                "postgres_pass",
                "pgpassword",
                "mongo_initdb_root_pass",
                "redis_pass",
                "requirepass",
            ],
            of(Literal, 5, 64),
            (
                &["@app/application.properties\nspring.datasource.password={an:12}\n", "DB_PASSWORD={an:12}"],
                &["DB_PASSWORD=${DB_PASSWORD}", "DB_PASSWORD=password", "db_password = get_password()", "DB_PASSWORD_FILE=/run/secrets/db"],
            ),
        )
    },
    SecretRule {
        check: Check::Password,
        ..around(
            "git-url-login",
            "git_cfg",
            "Address of a repository with a login",
            &["https://", "http://"],
            (0, r#"https?://[^\s:/@"'<>`\\]{1,64}:([^\s@/"'<>`\\]{6,200})@[0-9A-Za-z._-]{1,120}(?:/[^\s"']{1,120})?\.git\b"#),
            (
                &["@app/.git/config\n\turl = https://robot:{an:20}@git.shop.example/shop.git\n"],
                &["https://git.shop.example/shop.git", "https://user:pass@git.shop.example/shop.git"],
            ),
        )
    }
    .at(High),
    SecretRule {
        check: Check::Password,
        entropy: 25,
        ..around(
            "url-login",
            "common_cred",
            "Address with a login",
            &["https://", "http://", "ftp://", "sftp://"],
            (0, r#"(?:https?|s?ftp)://[^\s:/@"'<>`\\]{1,64}:([^\s@/"'<>`\\]{8,100})@[0-9A-Za-z-]{1,64}\.[0-9A-Za-z.-]{2,120}"#),
            (
                &["PROXY=http://robot:{an:14}@proxy.shop.internal:3128"],
                &["http://user:password@example.com/", "http://robot:${PASS}@proxy.shop.internal", "https://shop.internal/a:b@c"],
            ),
        )
    },
    SecretRule {
        check: Check::Password,
        ..around(
            "sshpass-password",
            "sshpasswd",
            "Password given to sshpass",
            &["sshpass"],
            (0, r#"sshpass\s{1,4}-p\s{0,4}(?:"([^"$\n]{4,80})"|'([^'\n]{4,80})'|([^\s"'$<-][^\s"'$]{3,80}))"#),
            (
                &["sshpass -p '{an:10}' ssh root@10.0.0.1", "sshpass -p{an:10} scp a b:"],
                &["sshpass -p \"$PASSWORD\" ssh host", "sshpass -p <password> ssh host", "sshpass -f file ssh host"],
            ),
        )
    },
    SecretRule {
        check: Check::BasicAuth,
        ..around(
            "authorization-header",
            "common_cred",
            "Authorization header with a login",
            &["authorization: basic ", "authorization': 'basic ", "authorization\": \"basic "],
            (0, r#"(?i:authorization["']?:\s{0,4}["']?basic )([0-9A-Za-z+/]{12,200}={0,2})"#),
            (&["curl -H 'Authorization: Basic {basic}' https://shop.internal/"], &["Authorization: Basic <credentials>", "Authorization: Basic {AZ:8}"]),
        )
    },
    SecretRule {
        entropy: 35,
        check: Check::General,
        ..around(
            "bearer-header",
            "common_cred",
            "Authorization header with a token",
            &["authorization: bearer ", "authorization: token ", "x-api-key: "],
            (0, r#"(?i:authorization:\s{0,4}(?:bearer|token) |x-api-key:\s{0,4})([0-9A-Za-z_=.+/-]{20,400})"#),
            (&["curl -H 'Authorization: Bearer {an:40}' https://shop.internal/"], &["Authorization: Bearer $TOKEN", "Authorization: Bearer your-token-goes-here-please"]),
        )
    },
    SecretRule {
        check: Check::Password,
        ..around(
            "curl-login",
            "common_cred",
            "Login given to curl",
            &["curl "],
            (0, r#"curl [^\n;|&]{0,120}?(?:-u|--user)[ =]["']?[0-9A-Za-z_.@-]{1,64}:([^\s"'$<>{}]{6,100})["']?(?:\s|$)"#),
            (&["curl -fsS -u robot:{an:14} https://shop.internal/"], &["curl -u robot:$PASS https://shop.internal/", "curl -u user:password https://shop.internal/"]),
        )
    },
    SecretRule {
        check: Check::Password,
        ..assigned(
            "terraform-password",
            "common_cred",
            "Password in a Terraform file",
            &["password"],
            of(Literal, 8, 64),
            (
                &["@infra/main.tf\nadministrator_login_password = \"{an:14}\"\n"],
                &["@infra/main.tf\nadministrator_login_password = var.password\n"],
            ),
        )
    }
    .only_in(&["*.tf", "*.tfvars", "*.hcl"]),
    SecretRule {
        check: Check::General,
        entropy: 35,
        level: None,
        ..assigned(
            "general-secret",
            "common_cred",
            "A value under a name that stands for secrets",
            &[
                "password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "access_key",
                "accesskey", "access-key", "auth_key", "private_key", "privatekey", "encryption_key",
                "signing_key", "credential",
            ],
            of(Literal, 10, 150),
            (
                &["API_TOKEN={an:32}", "{\"client_secret\": \"{an:24}\"}", "secretKey: \"{b64s:44}\""],
                &[
                    "API_TOKEN=${API_TOKEN}",
                    "password = getpass.getpass(prompt)",
                    "token = tokenizer.next_token_of_text()",
                    "\"csrf_token\": \"the-name-of-a-field\"",
                    "secret_name: shop-database-credentials",
                    "api_key = \"your-api-key-here-1234\"",
                    "primary_key = \"{uuid}\"",
                ],
            ),
        )
    },
];
