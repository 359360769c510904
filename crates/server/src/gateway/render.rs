//! Answers as bytes: JSON, and XML for who asks with `Format=XML`.
//!
//! In: what an action answers, or a [`Refusal`]. Out: the body and its content type. Source: `docs/api.md`, "Answers".
//!
//! Odd:
//! * the vendor's own default without `Format` is XML, but every client of today wants JSON without saying so;
//! * clients read an XML error only under exactly `text/xml;charset=utf-8`;
//! * an old client sends the word `None` as its format; whatever is not XML is JSON;
//! * how the vendor's XML writes lists is documented nowhere: here an element is repeated;
//! * an answer with a status of 200 never has `Code` with anything in it that a client could take for an error.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::{parameters::Parameters, refusal::Refusal};

/// In which language to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// JSON.
    Json,
    /// XML.
    Xml,
}

impl Format {
    /// What the parameter `Format` asks for.
    pub(crate) fn of(sent: &Parameters) -> Self {
        match sent.text("Format") {
            Some(format) if format.eq_ignore_ascii_case("xml") => Self::Xml,
            _ => Self::Json,
        }
    }

    /// The header `Content-Type`, to the letter.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            Self::Xml => "text/xml;charset=utf-8",
        }
    }
}

/// Beside what an error says: for which request, by whom, and where to read on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// `RequestId`.
    pub(crate) request_id: &'a str,
    /// `HostId`: this server's name as the client knows it.
    pub(crate) host: &'a str,
    /// `Recommend`: the address of a page about the code.
    pub(crate) recommend: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody<'a> {
    request_id: &'a str,
    host_id: &'a str,
    code: &'a str,
    message: &'a str,
    recommend: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_denied_detail: Option<AccessDeniedDetail<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical_request: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessDeniedDetail<'a> {
    auth_action: &'a str,
    no_permission_type: &'a str,
}

/// The body of an error.
pub(crate) fn error(refusal: &Refusal, about: About<'_>, format: Format) -> String {
    let access_denied_detail = match refusal {
        Refusal::NoPermission { action, explicit } => Some(AccessDeniedDetail {
            auth_action: action,
            no_permission_type: if *explicit { "ExplicitDeny" } else { "ImplicitDeny" },
        }),
        _ => None,
    };
    let canonical_request = match refusal {
        Refusal::HeaderSignature { canonical_request, .. } => Some(canonical_request.as_str()),
        _ => None,
    };
    let body = ErrorBody {
        request_id: about.request_id,
        host_id: about.host,
        code: &refusal.code(),
        message: &refusal.to_string(),
        recommend: about.recommend,
        access_denied_detail,
        canonical_request,
    };
    let json = serde_json::to_string(&body).unwrap_or_else(|_| {
        // Texts always serialise; should they not, the client still needs a code to tell its user.
        r#"{"RequestId":"","HostId":"","Code":"InternalError","Message":""}"#.to_owned()
    });
    in_format(json, "Error", format)
}

#[derive(Serialize)]
struct SuccessBody<'a, T: Serialize> {
    #[serde(rename = "RequestId")]
    request_id: &'a str,
    #[serde(flatten)]
    answer: &'a T,
}

/// The body of an answer as JSON: `RequestId` and the members of `answer`, in their order.
///
/// # Errors
/// `answer` does not serialise to an object.
pub(crate) fn success<T: Serialize>(
    request_id: &str,
    answer: &T,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&SuccessBody { request_id, answer })
}

/// `json`, or the XML document that says the same under the element `root`.
pub(crate) fn in_format(json: String, root: &str, format: Format) -> String {
    match format {
        Format::Json => json,
        Format::Xml => {
            let node = serde_json::from_str(&json).unwrap_or(Node::Empty);
            let mut text = "<?xml version='1.0' encoding='UTF-8'?>".to_owned();
            node.write(root, &mut text);
            text
        }
    }
}

/// JSON whose members keep their order.
#[derive(Debug)]
enum Node {
    Empty,
    Text(String),
    List(Vec<Self>),
    Members(Vec<(String, Self)>),
}

impl Node {
    fn write(&self, name: &str, out: &mut String) {
        match self {
            Self::List(elements) => elements.iter().for_each(|element| element.write(name, out)),
            Self::Empty => out.push_str(&format!("<{name}/>")),
            Self::Text(text) => {
                out.push_str(&format!("<{name}>"));
                text.chars().for_each(|character| push_escaped(character, out));
                out.push_str(&format!("</{name}>"));
            }
            Self::Members(members) => {
                out.push_str(&format!("<{name}>"));
                members.iter().for_each(|(member, node)| node.write(member, out));
                out.push_str(&format!("</{name}>"));
            }
        }
    }
}

fn push_escaped(character: char, out: &mut String) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        // A reader of XML would turn it into a line feed.
        '\r' => out.push_str("&#13;"),
        '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
            out.push(character)
        }
        // XML 1.0 cannot say it at all.
        _ => out.push('\u{fffd}'),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Empty)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Node::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'static> =
        About { request_id: "ID", host: "127.0.0.1:1", recommend: "http://x/?q=A&b=<" };

    #[test]
    fn an_error_in_both_languages() {
        let refusal =
            Refusal::NoPermission { action: "yundun-sas:ListImageRisk".into(), explicit: false };
        assert_eq!(
            error(&refusal, ABOUT, Format::Json),
            r#"{"RequestId":"ID","HostId":"127.0.0.1:1","Code":"NoPermission","Message":"caller has no permission","Recommend":"http://x/?q=A&b=<","AccessDeniedDetail":{"AuthAction":"yundun-sas:ListImageRisk","NoPermissionType":"ImplicitDeny"}}"#
        );
        assert_eq!(
            error(&refusal, ABOUT, Format::Xml),
            "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>ID</RequestId><HostId>127.0.0.1:1</HostId><Code>NoPermission</Code><Message>caller has no permission</Message><Recommend>http://x/?q=A&amp;b=&lt;</Recommend><AccessDeniedDetail><AuthAction>yundun-sas:ListImageRisk</AuthAction><NoPermissionType>ImplicitDeny</NoPermissionType></AccessDeniedDetail></Error>"
        );
    }

    #[test]
    fn an_answer_keeps_its_order_and_repeats_lists() {
        #[derive(Serialize)]
        struct Answer {
            zebra: Vec<&'static str>,
            apple: i32,
            yes: bool,
            none: Option<bool>,
            empty: Vec<i32>,
        }
        let answer =
            Answer { zebra: vec!["a\0\r", "b"], apple: -1, yes: true, none: None, empty: vec![] };
        let json = success("ID", &answer).unwrap();
        assert_eq!(
            json,
            r#"{"RequestId":"ID","zebra":["a\u0000\r","b"],"apple":-1,"yes":true,"none":null,"empty":[]}"#
        );
        assert_eq!(
            in_format(json, "ListResponse", Format::Xml),
            "<?xml version='1.0' encoding='UTF-8'?><ListResponse><RequestId>ID</RequestId><zebra>a\u{fffd}&#13;</zebra><zebra>b</zebra><apple>-1</apple><yes>true</yes><none/></ListResponse>"
        );
    }
}
