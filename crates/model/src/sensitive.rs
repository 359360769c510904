//! Kinds of sensitive files, as the wire contract names them.
//!
//! In: nothing. Out: [`SENSITIVE_FILE_KEYS`], each with its class and what people call it. Source: the vendor's pages of
//! `DescribeImageSensitiveFileList` and its neighbours; `docs/semantics.md`. Table: one row a kind, in the order of the keys.
//! Odd: the vendor's page of `SetImageSensitiveFileStatus` misspells one key, which is taken for what it means.

use std::{fmt, str::FromStr};

use self::SensitiveClass as Class;
use crate::finding::UnknownWord;

/// The classes in which kinds stand together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SensitiveClass {
    /// Configuration of applications.
    Config,
    /// Certificates and keys.
    CertKey,
    /// Credentials of applications.
    Credential,
    /// Credentials of cloud providers, as the contract's word for them is.
    Password,
}

/// A kind of sensitive file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SensitiveFileKey {
    /// Its name on the wire, which is the id of findings.
    pub key: &'static str,
    /// Its class.
    pub class: SensitiveClass,
    /// What people call it.
    pub name: &'static str,
}

const fn row(key: &'static str, class: Class, name: &'static str) -> SensitiveFileKey {
    SensitiveFileKey { key, class, name }
}

/// All kinds that the contract knows.
pub const SENSITIVE_FILE_KEYS: &[SensitiveFileKey] = &[
    row("amazon_mws_token", Class::Password, "Amazon MWS token"),
    row("apache_htpasswd", Class::Credential, "Apache htpasswd file"),
    row("asana_client_private_key", Class::Credential, "Asana client secret"),
    row("atlassian_token", Class::Credential, "Atlassian API token"),
    row("atom_remote_sync", Class::Credential, "Atom Remote Sync configuration"),
    row("atom_sftp_cfg", Class::Credential, "Atom SFTP configuration"),
    row("aws_access_key", Class::Password, "AWS access key"),
    row("aws_cli", Class::Password, "AWS CLI credentials"),
    row("aws_s3cmd", Class::Password, "s3cmd configuration"),
    row("aws_session_token", Class::Password, "AWS session token"),
    row("clojars_token", Class::Credential, "Clojars deploy token"),
    row("common_cred", Class::Credential, "Other credential"),
    row("common_database_cfg", Class::Config, "Database connection with password"),
    row("common_private_key", Class::CertKey, "Private key"),
    row("contentful_delivery_token", Class::Credential, "Contentful delivery token"),
    row("contentful_preview_token", Class::Credential, "Contentful preview token"),
    row("cpanel_proftpd", Class::Credential, "cPanel ProFTPD passwords"),
    row("databricks_token", Class::Credential, "Databricks token"),
    row("dbeaver_database_cfg", Class::Credential, "DBeaver database configuration"),
    row("digital_ocean_tugboat", Class::Credential, "DigitalOcean Tugboat configuration"),
    row("discord_client_cred", Class::Credential, "Discord client credential"),
    row("django_key", Class::Credential, "Django secret key"),
    row("docker_registry_cfg", Class::Credential, "Docker registry credentials"),
    row("dsa_private_key", Class::CertKey, "DSA private key"),
    row("dynatrace_token", Class::Credential, "Dynatrace token"),
    row("ec_private_key", Class::CertKey, "EC private key"),
    row("esmtp_cfg", Class::Credential, "eSMTP configuration"),
    row("fastly_cdn_token", Class::Credential, "Fastly CDN token"),
    row("filezilla_ftp", Class::Credential, "FileZilla FTP configuration"),
    row("finicity_token", Class::Credential, "Finicity token"),
    row("firefox_logins", Class::Credential, "Firefox saved logins"),
    row("ftp_cfg", Class::Credential, "FTP configuration"),
    row("git_cfg", Class::Credential, "Git configuration"),
    row("git_cred", Class::Credential, "Git credentials file"),
    row("github_app_token", Class::Credential, "GitHub App token"),
    row("github_hub", Class::Credential, "GitHub hub configuration"),
    row("github_oauth_token", Class::Credential, "GitHub OAuth token"),
    row("github_personal_token", Class::Credential, "GitHub personal access token"),
    row("github_refresh_token", Class::Credential, "GitHub refresh token"),
    row("github_ssh_key", Class::CertKey, "GitHub SSH key"),
    row("gitLab_personal_token", Class::Credential, "GitLab personal access token"),
    row("google_oauth_key", Class::Password, "Google OAuth client secret"),
    row("google_oauth_token", Class::Password, "Google OAuth access token"),
    row("googlecloud_api_key", Class::Password, "Google Cloud API key"),
    row("grafana_token", Class::Credential, "Grafana token"),
    row("hashicorp_terraform_token", Class::Credential, "HashiCorp Terraform token"),
    row("hashicorp_vault_token", Class::Credential, "HashiCorp Vault token"),
    row("heroku_api_key", Class::Credential, "Heroku API key"),
    row("huaweicloud_ak", Class::Password, "Huawei Cloud access key"),
    row("java_keystore", Class::CertKey, "Java keystore"),
    row("jenkins_cred", Class::Credential, "Jenkins credentials"),
    row("jenkins_ssh", Class::Credential, "Jenkins publish-over-SSH configuration"),
    row("jetbrains_ides", Class::Credential, "JetBrains IDE configuration"),
    row("joomla_cfg", Class::Config, "Joomla configuration"),
    row("k8s_client_key", Class::CertKey, "Kubernetes client key"),
    row("kubernetes_dashboard_cred", Class::Credential, "Kubernetes dashboard credential"),
    row("lob_api_key", Class::Credential, "Lob API key"),
    row("macos_keychain", Class::CertKey, "macOS keychain"),
    row("mailchimp_api_key", Class::Credential, "Mailchimp API key"),
    row("mailgun_key", Class::Credential, "Mailgun key"),
    row("mailgun_private_token", Class::Credential, "Mailgun private API token"),
    row("mediawiki_cfg", Class::Config, "MediaWiki configuration"),
    row("messagebird_token", Class::Credential, "MessageBird token"),
    row("microsoft_mdf", Class::Config, "Microsoft SQL Server database"),
    row("microsoft_sdf", Class::Config, "Microsoft SQL Server Compact database"),
    row("msbuild_publish_profile", Class::Config, "MSBuild publish profile"),
    row("netrc_cfg", Class::Credential, "netrc file"),
    row("newrelic_api_key", Class::Credential, "New Relic API key"),
    row("npm_token", Class::Credential, "npm access token"),
    row("openssh_private_key", Class::CertKey, "OpenSSH private key"),
    row("openvpn_cfg", Class::Credential, "OpenVPN configuration"),
    row("otr_private_key", Class::CertKey, "OTR private key"),
    row("pem", Class::CertKey, "PEM certificate file"),
    row("pgp", Class::CertKey, "PGP file"),
    row("pgp_private_key", Class::CertKey, "PGP private key"),
    row("phoenix_web_passwd", Class::Credential, "Phoenix web application secret"),
    row("php_config", Class::Config, "PHP configuration"),
    row("php_database_cfg", Class::Config, "PHP database configuration"),
    row("pkcs_cred", Class::CertKey, "PKCS #12 certificate file"),
    row("pkcs_private_key", Class::CertKey, "PKCS #12 key bundle"),
    row("planetscale_passwd", Class::Credential, "PlanetScale password"),
    row("planetscale_token", Class::Credential, "PlanetScale token"),
    row("postgresql_passwd", Class::Credential, "PostgreSQL password file"),
    row("pulumi_token", Class::Credential, "Pulumi token"),
    row("puttygen_private_key", Class::CertKey, "PuTTY private key"),
    row("pypi_token", Class::Credential, "PyPI upload token"),
    row("rails_app_token", Class::Credential, "Ruby on Rails application secret"),
    row("rails_carrierwave", Class::Credential, "CarrierWave configuration"),
    row("rails_database", Class::Config, "Ruby on Rails database configuration"),
    row("rails_master_key", Class::Credential, "Ruby on Rails master key"),
    row("rdp", Class::Credential, "Remote Desktop connection file"),
    row("robomongo_cred", Class::Credential, "Robomongo credentials"),
    row("rsa_private_key", Class::CertKey, "RSA private key"),
    row("rubygem", Class::Credential, "RubyGems API token"),
    row("rubygems_cred", Class::Credential, "RubyGems credentials"),
    row("rubyonrails_cfg", Class::Config, "Ruby on Rails configuration"),
    row("rubyonrails_passwd", Class::Credential, "Ruby on Rails password"),
    row("salesforce", Class::Credential, "Salesforce credential"),
    row("sendinblue", Class::Credential, "Sendinblue API token"),
    row("sftp_cfg", Class::Credential, "SFTP configuration"),
    row("slack_token", Class::Credential, "Slack token"),
    row("sqlite", Class::Config, "SQLite database"),
    row("square_oauth", Class::Credential, "Square OAuth secret"),
    row("square_token", Class::Credential, "Square access token"),
    row("ssh_private_key", Class::CertKey, "SSH private key file"),
    row("sshpasswd", Class::Credential, "SSH password in a command"),
    row("stripe_skpk", Class::Credential, "Stripe API key"),
    row("tencentcloud_ak", Class::Password, "Tencent Cloud access key"),
    row("typeform_token", Class::Credential, "Typeform token"),
    row("ventrilo_voip", Class::Credential, "Ventrilo server configuration"),
    row("vscode_sftp", Class::Credential, "Visual Studio Code SFTP configuration"),
    row("wordpress_database_cfg", Class::Config, "WordPress database configuration"),
];

/// Keys that the vendor's pages spell otherwise, too.
const OTHER_SPELLINGS: &[(&str, &str)] = &[("gitLab_personal_toke", "gitLab_personal_token")];

impl SensitiveClass {
    /// All classes, in order.
    pub const ALL: &[Self] = &[Self::Config, Self::CertKey, Self::Credential, Self::Password];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::CertKey => "cert_key",
            Self::Credential => "credential",
            Self::Password => "password",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "Application configuration",
            Self::CertKey => "Certificates and keys",
            Self::Credential => "Application credentials",
            Self::Password => "Cloud provider credentials",
        }
    }
}

impl FromStr for SensitiveClass {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.iter().find(|class| class.as_str() == word);
        found.copied().ok_or_else(|| UnknownWord {
            word: word.to_owned(),
            allowed: "config, cert_key, credential, password",
        })
    }
}

impl fmt::Display for SensitiveClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl SensitiveFileKey {
    /// The kind of that key, in any case and in the spellings of all pages; `None`: the contract knows none.
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        let other = OTHER_SPELLINGS.iter().find(|(other, _)| other.eq_ignore_ascii_case(key));
        let key = other.map_or(key, |(_, key)| *key);
        SENSITIVE_FILE_KEYS.iter().find(|row| row.key.eq_ignore_ascii_case(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_unique_and_in_order_and_found_in_every_spelling() {
        let keys: Vec<String> =
            SENSITIVE_FILE_KEYS.iter().map(|row| row.key.to_ascii_lowercase()).collect();
        let sorted: BTreeSet<&String> = keys.iter().collect();
        assert_eq!(keys.iter().collect::<Vec<_>>(), sorted.into_iter().collect::<Vec<_>>());
        assert_eq!(keys.len(), 112);
        for row in SENSITIVE_FILE_KEYS {
            assert_eq!(SensitiveFileKey::find(row.key), Some(row));
            assert_eq!(row.class.as_str().parse(), Ok(row.class));
        }
        let token = SensitiveFileKey::find("gitLab_personal_toke").unwrap();
        assert_eq!((token.key, token.class), ("gitLab_personal_token", SensitiveClass::Credential));
        assert_eq!(SensitiveFileKey::find("PEM").unwrap().key, "pem");
        assert_eq!(SensitiveFileKey::find("ak_leak"), None);
        assert!("secret".parse::<SensitiveClass>().is_err());
    }
}
