//! Groups of well-known artifacts whose archives do not say theirs.
//!
//! In: an artifact's name and version. Out: its group in Maven Central. Odd: Gradle and Ant write no `pom.properties`, and
//! folders of classes are no groups (`spring-beans` has `org/springframework/beans` and belongs to `org.springframework`);
//! advisories know an artifact by its group, so a wrong one hides its vulnerabilities.

/// Names, each with its group; a trailing `*` stands for any rest. The first that fits wins.
const GROUPS: &[(&str, &str)] = &[
    ("akka-*", "com.typesafe.akka"),
    ("bcmail-*", "org.bouncycastle"),
    ("bcpg-*", "org.bouncycastle"),
    ("bcpkix-*", "org.bouncycastle"),
    ("bcprov-*", "org.bouncycastle"),
    ("bctls-*", "org.bouncycastle"),
    ("bcutil-*", "org.bouncycastle"),
    ("caffeine", "com.github.ben-manes.caffeine"),
    ("commons-beanutils", "commons-beanutils"),
    ("commons-codec", "commons-codec"),
    ("commons-collections", "commons-collections"),
    ("commons-collections4", "org.apache.commons"),
    ("commons-compress", "org.apache.commons"),
    ("commons-configuration", "commons-configuration"),
    ("commons-configuration2", "org.apache.commons"),
    ("commons-email", "org.apache.commons"),
    ("commons-fileupload", "commons-fileupload"),
    ("commons-httpclient", "commons-httpclient"),
    ("commons-io", "commons-io"),
    ("commons-jxpath", "commons-jxpath"),
    ("commons-lang", "commons-lang"),
    ("commons-lang3", "org.apache.commons"),
    ("commons-net", "commons-net"),
    ("commons-text", "org.apache.commons"),
    ("dom4j", "dom4j"),
    ("elasticsearch", "org.elasticsearch"),
    ("fastjson", "com.alibaba"),
    ("freemarker", "org.freemarker"),
    ("geode-*", "org.apache.geode"),
    ("groovy", "org.codehaus.groovy"),
    ("groovy-all", "org.codehaus.groovy"),
    ("grpc-*", "io.grpc"),
    ("gson", "com.google.code.gson"),
    ("guava", "com.google.guava"),
    ("guice", "com.google.inject"),
    ("h2", "com.h2database"),
    ("hibernate-core", "org.hibernate"),
    ("hibernate-validator", "org.hibernate.validator"),
    ("htmlunit", "net.sourceforge.htmlunit"),
    ("httpclient", "org.apache.httpcomponents"),
    ("jackson-annotations", "com.fasterxml.jackson.core"),
    ("jackson-core", "com.fasterxml.jackson.core"),
    ("jackson-databind", "com.fasterxml.jackson.core"),
    ("jackson-dataformat-*", "com.fasterxml.jackson.dataformat"),
    ("jcommander", "com.beust"),
    ("joda-time", "joda-time"),
    ("jsch", "com.jcraft"),
    ("json-smart", "net.minidev"),
    ("junit", "junit"),
    ("junit-jupiter*", "org.junit.jupiter"),
    ("junit-platform-*", "org.junit.platform"),
    ("kafka-clients", "org.apache.kafka"),
    ("kotlin-stdlib*", "org.jetbrains.kotlin"),
    ("ktor-*", "io.ktor"),
    ("log4j", "log4j"),
    ("log4j-*", "org.apache.logging.log4j"),
    ("logback-*", "ch.qos.logback"),
    ("lucene-*", "org.apache.lucene"),
    ("lz4-java", "org.lz4"),
    ("mongo-java-driver", "org.mongodb"),
    ("mongodb-driver-*", "org.mongodb"),
    ("mysql-connector-j", "com.mysql"),
    ("mysql-connector-java", "mysql"),
    ("netty-*", "io.netty"),
    ("nimbus-jose-jwt", "com.nimbusds"),
    ("okhttp", "com.squareup.okhttp3"),
    ("okio*", "com.squareup.okio"),
    ("opensearch", "org.opensearch"),
    ("pekko-*", "org.apache.pekko"),
    ("poi", "org.apache.poi"),
    ("poi-*", "org.apache.poi"),
    ("postgresql", "org.postgresql"),
    ("protobuf-java*", "com.google.protobuf"),
    ("quartz", "org.quartz-scheduler"),
    ("reactor-core", "io.projectreactor"),
    ("reactor-netty-incubator*", "io.projectreactor.netty.incubator"),
    ("reactor-netty*", "io.projectreactor.netty"),
    ("retrofit", "com.squareup.retrofit2"),
    ("scala-library", "org.scala-lang"),
    ("selenium-*", "org.seleniumhq.selenium"),
    ("shiro-*", "org.apache.shiro"),
    ("slf4j-*", "org.slf4j"),
    ("snakeyaml", "org.yaml"),
    ("snappy-java", "org.xerial.snappy"),
    ("solr-*", "org.apache.solr"),
    ("spring-batch-*", "org.springframework.batch"),
    ("spring-boot*", "org.springframework.boot"),
    ("spring-integration-*", "org.springframework.integration"),
    ("spring-kafka", "org.springframework.kafka"),
    ("spring-rabbit", "org.springframework.amqp"),
    ("spring-security-*", "org.springframework.security"),
    ("spring-session-*", "org.springframework.session"),
    ("spring-aop", "org.springframework"),
    ("spring-aspects", "org.springframework"),
    ("spring-beans", "org.springframework"),
    ("spring-context*", "org.springframework"),
    ("spring-core", "org.springframework"),
    ("spring-expression", "org.springframework"),
    ("spring-instrument", "org.springframework"),
    ("spring-jcl", "org.springframework"),
    ("spring-jdbc", "org.springframework"),
    ("spring-jms", "org.springframework"),
    ("spring-messaging", "org.springframework"),
    ("spring-orm", "org.springframework"),
    ("spring-oxm", "org.springframework"),
    ("spring-r2dbc", "org.springframework"),
    ("spring-test", "org.springframework"),
    ("spring-tx", "org.springframework"),
    ("spring-web", "org.springframework"),
    ("spring-webflux", "org.springframework"),
    ("spring-webmvc*", "org.springframework"),
    ("spring-websocket", "org.springframework"),
    ("sqlite-jdbc", "org.xerial"),
    ("struts2-*", "org.apache.struts"),
    ("tomcat-embed-*", "org.apache.tomcat.embed"),
    ("tomcat-*", "org.apache.tomcat"),
    ("undertow-*", "io.undertow"),
    ("velocity", "org.apache.velocity"),
    ("xalan", "xalan"),
    ("xercesImpl", "xerces"),
    ("xmlsec", "org.apache.santuario"),
    ("xstream", "com.thoughtworks.xstream"),
    ("zookeeper", "org.apache.zookeeper"),
];

/// Artifacts that moved, by the first number of the version from which on the other group is theirs.
const MOVED: &[(&str, u32, &str)] = &[
    ("dom4j", 2, "org.dom4j"),
    ("groovy", 4, "org.apache.groovy"),
    ("hibernate-core", 6, "org.hibernate.orm"),
    ("htmlunit", 3, "org.htmlunit"),
];

/// The group of a well-known artifact.
pub(super) fn of(name: &str, version: &str) -> Option<&'static str> {
    let major =
        version.split(|c: char| !c.is_ascii_digit()).next().and_then(|text| text.parse().ok());
    let moved = MOVED.iter().find(|(moved, from, _)| *moved == name && major >= Some(*from));
    if let Some((.., group)) = moved {
        return Some(group);
    }
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    GROUPS.iter().find(|(pattern, _)| fits(pattern)).map(|(_, group)| *group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_follow_names_and_versions() {
        for (name, version, group) in [
            ("spring-beans", "5.3.17", Some("org.springframework")),
            ("spring-security-core", "5.6.1", Some("org.springframework.security")),
            ("spring-context-support", "5.3.17", Some("org.springframework")),
            ("tomcat-embed-core", "9.0.50", Some("org.apache.tomcat.embed")),
            ("log4j", "1.2.17", Some("log4j")),
            ("log4j-core", "2.14.1", Some("org.apache.logging.log4j")),
            ("dom4j", "1.6.1", Some("dom4j")),
            ("dom4j", "2.1.3", Some("org.dom4j")),
            ("groovy", "3.0.9", Some("org.codehaus.groovy")),
            ("groovy", "4.0.1", Some("org.apache.groovy")),
            ("reactor-netty-http", "1.0.17", Some("io.projectreactor.netty")),
            ("spring-of-my-own", "1.0", None),
            ("h2o", "1.0", None),
        ] {
            assert_eq!(of(name, version), group, "{name} {version}");
        }
    }

    #[test]
    fn no_row_hides_another() {
        for (at, (pattern, _)) in GROUPS.iter().enumerate() {
            let name = pattern.trim_end_matches('*');
            let first = GROUPS.iter().position(|(other, _)| match other.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == *other,
            });
            assert_eq!(first, Some(at), "{pattern}");
        }
    }
}
