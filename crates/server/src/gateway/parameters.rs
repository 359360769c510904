//! The parameters of a request: query and form merged into one map, and the types that texts become.
//!
//! In: a [`RawRequest`]. Out: [`Parameters`]. Source: `docs/api.md`, "Parameters".
//!
//! Odd, and all of it needed by some official client:
//! * a list is sent as `Types.1=…&Types.2=…`, or as a JSON array in one parameter; both are taken for every list;
//! * Python sends booleans as `True` and `False`;
//! * a parameter with an empty value is the same as none;
//! * what an action does not know is ignored (clients send `RegionId`, `SignatureType=`, `Lang` … with everything).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{encoding, refusal::Refusal, request::RawRequest};

/// How many parameters a request may have.
const MAX_PARAMETERS: usize = 2_000;
/// How many elements a list may have.
const MAX_ELEMENTS: usize = 1_000;

/// Decoded parameters by name. No name occurs twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Decodes query and form.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameter`] for a name that is sent twice, wherever, and for text that does not decode.
    pub fn read(request: &RawRequest) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        parameters.take(request.query.as_bytes())?;
        if request.has_form()? {
            parameters.take(&request.body)?;
        }
        Ok(parameters)
    }

    /// Decodes the query alone.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of_query(request: &RawRequest) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        parameters.take(request.query.as_bytes())?;
        Ok(parameters)
    }

    fn take(&mut self, text: &[u8]) -> Result<(), Refusal> {
        let pairs = match encoding::decode_pairs(text) {
            Ok(pairs) => pairs,
            Err(error) => {
                return Err(Refusal::InvalidParameter {
                    name: "query or form".to_owned(),
                    why: format!("{error}."),
                });
            }
        };
        if pairs.len() + self.0.len() > MAX_PARAMETERS {
            return Err(Refusal::TooLarge("more than 2000 parameters"));
        }
        for (name, value) in pairs {
            if self.0.contains_key(&name) {
                return Err(Refusal::InvalidParameter {
                    why: "It is sent twice.".to_owned(),
                    name: name.chars().take(64).collect(),
                });
            }
            self.0.insert(name, value);
        }
        Ok(())
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A text; an empty one is none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`].
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::MissingParameter(name.to_owned()))
    }

    /// A decimal integer of 32 bits, as most integer parameters of this API are.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameter`] names it and says what it can be.
    pub fn integer(&self, name: &str) -> Result<Option<i32>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let is_decimal = text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(value) if is_decimal => Ok(Some(value)),
            _ => Err(Refusal::invalid(name, text, "a decimal integer of 32 bits")),
        }
    }

    /// A decimal integer of 64 bits.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameter`] names it and says what it can be.
    pub fn long(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let is_decimal = text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(value) if is_decimal => Ok(Some(value)),
            _ => Err(Refusal::invalid(name, text, "a decimal integer of 64 bits")),
        }
    }

    /// `true` or `false`, in any case.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameter`] names it.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(Refusal::invalid(name, text, "true or false")),
        }
    }

    /// A list of texts: `Name.1`, `Name.2` … in the order of their numbers, or a JSON array in `Name`, or one element in
    /// `Name`. None of these is an empty list, and an element without text is none.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameter`] for both spellings at once, a number that is not 1, 2 …, an array that is none, and
    /// for more than a thousand elements.
    pub fn list(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let numbered = self.numbered(name)?;
        let Some(text) = self.text(name) else { return Ok(numbered.into_values().collect()) };
        if !numbered.is_empty() {
            return Err(Refusal::invalid(name, text, "to be sent beside numbered elements"));
        }
        if !text.trim_start().starts_with('[') {
            return Ok(vec![text.to_owned()]);
        }
        let wanted = "a JSON array of texts";
        let Ok(array) = serde_json::from_str::<Vec<Value>>(text) else {
            return Err(Refusal::invalid(name, text, wanted));
        };
        if array.len() > MAX_ELEMENTS {
            return Err(Refusal::invalid(name, text, "at most a thousand elements"));
        }
        array
            .into_iter()
            .map(|element| match element {
                Value::String(text) => Ok(text),
                Value::Number(number) => Ok(number.to_string()),
                _ => Err(Refusal::invalid(name, text, wanted)),
            })
            .collect()
    }

    fn numbered(&self, name: &str) -> Result<BTreeMap<usize, String>, Refusal> {
        let prefix = format!("{name}.");
        let mut elements = BTreeMap::new();
        // `Name.1.Member` belongs to a list of objects and is not ours.
        let sent = self
            .0
            .range(prefix.clone()..)
            .map_while(|(key, value)| Some((key, key.strip_prefix(&prefix)?, value)))
            .filter(|(_, number, _)| !number.contains('.'));
        for (key, number, value) in sent {
            match number.parse::<usize>() {
                Ok(index @ 1..=MAX_ELEMENTS) if index.to_string() == number => {
                    if !value.is_empty() {
                        elements.insert(index, value.clone());
                    }
                }
                _ => return Err(Refusal::invalid(key, value, "numbered from 1 to 1000")),
            }
        }
        Ok(elements)
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parameters(query: &str) -> Parameters {
        Parameters::read(&RawRequest { query: query.to_owned(), ..RawRequest::default() }).unwrap()
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
        let refusal = result.unwrap_err();
        assert_eq!(refusal.code(), "InvalidParameter");
        refusal.to_string()
    }

    #[test]
    fn query_and_form_are_one() {
        let form = [(
            "content-type".to_owned(),
            b"application/x-www-form-urlencoded; charset=utf-8".to_vec(),
        )];
        let request = |query: &str, body: &str| RawRequest {
            query: query.to_owned(),
            body: body.as_bytes().to_vec(),
            headers: form.to_vec(),
            ..RawRequest::default()
        };
        let merged = Parameters::read(&request("a=1", "b=x+y")).unwrap();
        assert_eq!((merged.text("a"), merged.text("b")), (Some("1"), Some("x y")));
        assert!(refused(Parameters::read(&request("a=1", "a=1"))).contains("\"a\""));
        assert!(refused(Parameters::read(&request("a=1&a=2", ""))).contains("twice"));
        assert!(refused(Parameters::read(&request("a=%", ""))).contains("`%`"));
        let many: String = (0..=MAX_PARAMETERS).map(|index| format!("p{index}=&")).collect();
        assert_eq!(Parameters::read(&request(&many, "")).unwrap_err().status(), 413);
        let untyped = RawRequest { headers: Vec::new(), ..request("a=1", "b=2") };
        assert_eq!(Parameters::read(&untyped).unwrap(), parameters("a=1"));
    }

    #[test]
    fn texts_become_types() {
        let sent = parameters(
            "n=20&minus=-1&big=2147483648&hex=0x1&plus=%2B1&e=&yes=True&no=FALSE&perhaps=1",
        );
        assert_eq!(sent.integer("n"), Ok(Some(20)));
        assert_eq!(sent.integer("minus"), Ok(Some(-1)));
        assert_eq!((sent.integer("e"), sent.integer("absent")), (Ok(None), Ok(None)));
        assert_eq!((sent.long("big"), sent.long("absent")), (Ok(Some(2_147_483_648)), Ok(None)));
        assert!(refused(sent.long("hex")).contains("\"hex\""));
        for name in ["big", "hex", "plus"] {
            assert!(refused(sent.integer(name)).contains(&format!("\"{name}\"")));
        }
        assert_eq!((sent.boolean("yes"), sent.boolean("no")), (Ok(Some(true)), Ok(Some(false))));
        assert!(refused(sent.boolean("perhaps")).contains("\"perhaps\""));
        assert_eq!(sent.required("e"), Err(Refusal::MissingParameter("e".to_owned())));
    }

    #[test]
    fn lists_in_every_spelling() {
        for query in [
            "Types.1=a&Types.2=b",
            "Types.2=b&Types.1=a",
            "Types=%5B%22a%22%2C%22b%22%5D",
            "Types.1=a&Types.7=b&Types.1.Name=other&TypesX.1=other",
            "Types.1=a&Types.2=&Types.3=b",
        ] {
            assert_eq!(parameters(query).list("Types").unwrap(), ["a", "b"], "{query}");
        }
        let tenth: String = (1..=10).map(|index| format!("T.{index}={index}&")).collect();
        assert_eq!(parameters(&tenth).list("T").unwrap().last().unwrap(), "10");
        assert_eq!(parameters("T=a").list("T").unwrap(), ["a"]);
        assert_eq!(parameters("T=[1]").list("T").unwrap(), ["1"]);
        for nothing in ["", "T=", "T.1=", "T.1=&T.2="] {
            assert_eq!(parameters(nothing).list("T").unwrap(), Vec::<String>::new(), "{nothing}");
        }
        for query in
            ["T.0=a", "T.01=a", "T.x=a", "T.1001=a", "T=a&T.1=b", "T=[", "T=[{}]", "T=[null]"]
        {
            refused(parameters(query).list("T"));
        }
    }

    proptest! {
        #[test]
        fn any_request_is_answered(query in "[aT.=&%0-9\\[\\]\"]{0,40}", body: Vec<u8>) {
            let headers = vec![("content-type".to_owned(), b"application/x-www-form-urlencoded".to_vec())];
            let request = RawRequest { query, body, headers, ..RawRequest::default() };
            if let Ok(read) = Parameters::read(&request) {
                for name in ["a", "T"] {
                    let _answers = (read.integer(name), read.boolean(name), read.list(name));
                }
            }
        }
    }
}
