//! Passwords that everybody tries first.
//!
//! In: an account's name. Out: candidates, the likeliest first. Odd: the list is short on purpose: slow hashes allow some
//! two hundred tries, and what is not among these is not weak in the sense of this check.

const WORDS: &[&str] = &[
    "password",
    "123456",
    "root",
    "admin",
    "toor",
    "12345678",
    "123456789",
    "12345",
    "1234",
    "changeme",
    "test",
    "guest",
    "qwerty",
    "111111",
    "secret",
    "pass",
    "1234567890",
    "1234567",
    "123",
    "password1",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "P@ssw0rd",
    "P@ssword",
    "Password",
    "Password1",
    "Password123",
    "admin123",
    "admin1234",
    "admin@123",
    "Admin123",
    "Admin@123",
    "administrator",
    "root123",
    "root1234",
    "root@123",
    "Root123",
    "Root@123",
    "r00t",
    "user",
    "default",
    "letmein",
    "welcome",
    "welcome1",
    "abc123",
    "abcd1234",
    "a123456",
    "123456a",
    "123qwe",
    "1q2w3e",
    "1q2w3e4r",
    "1qaz2wsx",
    "1qaz@WSX",
    "qwer1234",
    "qwerty123",
    "qazwsx",
    "zaq12wsx",
    "asdfgh",
    "asdf1234",
    "000000",
    "00000000",
    "666666",
    "888888",
    "88888888",
    "654321",
    "87654321",
    "121212",
    "123123",
    "123321",
    "11111111",
    "112233",
    "987654321",
    "iloveyou",
    "dragon",
    "monkey",
    "sunshine",
    "princess",
    "football",
    "master",
    "superman",
    "batman",
    "shadow",
    "trustno1",
    "hunter2",
    "login",
    "access",
    "temp",
    "temp123",
    "demo",
    "dev",
    "docker",
    "oracle",
    "postgres",
    "mysql",
    "redis",
    "ubuntu",
    "debian",
    "centos",
    "alpine",
    "vagrant",
    "ansible",
    "jenkins",
    "tomcat",
    "nginx",
    "service",
    "support",
    "system",
    "server",
    "linux",
    "s3cr3t",
    "s3cret",
    "changeit",
    "change_me",
    "changeme123",
    "test123",
    "test1234",
    "testing",
    "pass123",
    "pass1234",
    "raspberry",
    "calvin",
    "alpine123",
    "oracle123",
    "manager",
    "operator",
    "public",
    "private",
    "super",
    "qwertyuiop",
    "minioadmin",
    "nacos",
    "elastic",
    "zabbix",
    "grafana",
    "foobared",
    "rabbitmq",
    "wordpress",
];

/// What follows an account's own name.
const ENDS: &[&str] = &["", "1", "12", "123", "1234", "@123", "123456"];

/// The candidates for an account, each once.
pub(crate) fn candidates(account: &str) -> impl Iterator<Item = String> {
    let own: Vec<String> = ENDS.iter().map(|end| format!("{account}{end}")).collect();
    let words = WORDS.iter().map(|word| (*word).to_owned()).filter({
        let own = own.clone();
        move |word| !own.contains(word)
    });
    own.into_iter().chain(words)
}

/// Whether a password is empty or among an account's candidates.
pub(crate) fn is_weak(account: &str, password: &str) -> bool {
    password.is_empty() || candidates(account).any(|candidate| candidate == password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_unique_and_few() {
        let mut all: Vec<String> = candidates("root").collect();
        let count = all.len();
        assert!(count <= 200, "{count}");
        assert_eq!(all[0], "root");
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
