//! Statements whose length depends on their values, as PostgreSQL likes them: with arrays, so that their text is always the
//! same and is prepared once.
//!
//! In: a text in which a `?` stands for each value. Out: the text with `$N`, and the values. A list, `IN (?, ?)`, becomes
//! `= ANY($1)`; rows, `VALUES (?, ?), (?, ?)`, become `SELECT * FROM UNNEST($1::BIGINT[], $2::TEXT[])`, which is the same
//! table. Odd: what has another form than these two is numbered as it stands, and each other length is prepared anew.

use crate::statement::Value;

/// What stands for one `$N`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Bound {
    One(Value),
    /// Values of one kind.
    Many(Kind, Vec<Value>),
}

/// What an array holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Number,
    Text,
    Bytes,
}

impl Kind {
    const fn of(value: &Value) -> Self {
        match value {
            Value::Number(_) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::Bytes(_) => Self::Bytes,
        }
    }

    const fn array(self) -> &'static str {
        match self {
            Self::Number => "BIGINT[]",
            Self::Text => "TEXT[]",
            Self::Bytes => "BYTEA[]",
        }
    }
}

/// A statement for PostgreSQL.
#[derive(Debug)]
pub(crate) struct Rewritten {
    pub(crate) sql: String,
    pub(crate) bound: Vec<Bound>,
    /// Whether its text no longer depends on how many values there are.
    pub(crate) has_arrays: bool,
}

const LIST: &str = " IN (";
const ROWS: &str = "VALUES (";

/// Rewrites a text; `places` are where its `?` stand.
pub(crate) fn rewrite(text: &str, places: &[usize], values: Vec<Value>) -> Rewritten {
    let mut sql = String::with_capacity(text.len());
    let mut values = values.into_iter();
    let mut bound = Vec::new();
    let mut has_arrays = false;
    let (mut from, mut rest) = (0, places);
    while let Some(place) = rest.first() {
        let before = text.get(from..*place).unwrap_or_default();
        let kinds = values.as_slice();
        let end = if let Some(head) = before.strip_suffix(LIST)
            && !head.ends_with(" NOT")
            && let Some((length, end)) = list(text, rest)
            && same_kind(kinds.get(..length))
        {
            let taken: Vec<Value> = values.by_ref().take(length).collect();
            let kind = taken.first().map_or(Kind::Number, Kind::of);
            bound.push(Bound::Many(kind, taken));
            sql.push_str(head);
            sql.push_str(&format!(" = ANY(${})", bound.len()));
            has_arrays = true;
            rest = rest.get(length..).unwrap_or_default();
            end
        } else if let Some(head) = before.strip_suffix(ROWS)
            && let Some((width, height, end)) = rows(text, rest)
            && (0..width).all(|column| {
                let first = kinds.get(column).map(Kind::of);
                kinds
                    .iter()
                    .take(width * height)
                    .skip(column)
                    .step_by(width)
                    .map(Kind::of)
                    .all(|kind| Some(kind) == first)
            })
        {
            let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(height); width];
            for (number, value) in values.by_ref().take(width * height).enumerate() {
                if let Some(column) = columns.get_mut(number % width) {
                    column.push(value);
                }
            }
            sql.push_str(head);
            sql.push_str("SELECT * FROM UNNEST(");
            for (number, column) in columns.into_iter().enumerate() {
                let kind = column.first().map_or(Kind::Number, Kind::of);
                bound.push(Bound::Many(kind, column));
                let separator = if number == 0 { "" } else { ", " };
                sql.push_str(&format!("{separator}${}::{}", bound.len(), kind.array()));
            }
            sql.push(')');
            has_arrays = true;
            rest = rest.get(width * height..).unwrap_or_default();
            end
        } else {
            sql.push_str(before);
            bound.extend(values.next().map(Bound::One));
            sql.push_str(&format!("${}", bound.len()));
            rest = rest.get(1..).unwrap_or_default();
            place + 1
        };
        from = end;
    }
    sql.push_str(text.get(from..).unwrap_or_default());
    // A text without builder has its numbers already.
    bound.extend(values.map(Bound::One));
    Rewritten { sql, bound, has_arrays }
}

fn same_kind(values: Option<&[Value]>) -> bool {
    values.is_some_and(|values| {
        let first = values.first().map(Kind::of);
        values.iter().all(|value| Some(Kind::of(value)) == first)
    })
}

/// How many `?` follow one another up to the parenthesis, and where the text goes on behind it.
fn list(text: &str, places: &[usize]) -> Option<(usize, usize)> {
    let mut length = 0;
    loop {
        let place = places.get(length)?;
        length += 1;
        let behind = text.get(place + 1..)?;
        if behind.starts_with(')') {
            return Some((length, place + 2));
        }
        let next = places.get(length)?;
        if !behind.starts_with(", ") || *next != place + 3 {
            return None;
        }
    }
}

/// Width and height of rows of nothing but `?`, and where the text goes on behind them.
fn rows(text: &str, places: &[usize]) -> Option<(usize, usize, usize)> {
    let (width, mut end) = list(text, places)?;
    let mut height = 1;
    while text.get(end..).is_some_and(|behind| behind.starts_with(", (")) {
        let rest = places.get(width * height..)?;
        if rest.first() != Some(&(end + 3)) {
            return None;
        }
        let (next, behind) = list(text, rest)?;
        if next != width {
            return None;
        }
        end = behind;
        height += 1;
    }
    Some((width, height, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: i64) -> Value {
        Value::Number(Some(number))
    }

    fn text(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }

    fn places(sql: &str) -> Vec<usize> {
        sql.match_indices('?').map(|(place, _)| place).collect()
    }

    #[test]
    fn lists_and_rows_become_arrays_and_the_rest_is_numbered() {
        let sql = "SELECT a FROM t WHERE b = ? AND c IN (?, ?) AND d NOT IN (?) AND e IN (SELECT f WHERE g = ?)";
        let values = vec![number(1), text("x"), text("y"), number(2), number(3)];
        let done = rewrite(sql, &places(sql), values);
        assert_eq!(
            done.sql,
            "SELECT a FROM t WHERE b = $1 AND c = ANY($2) AND d NOT IN ($3) AND e IN (SELECT f WHERE g = $4)"
        );
        assert!(done.has_arrays);
        assert_eq!(
            done.bound,
            [
                Bound::One(number(1)),
                Bound::Many(Kind::Text, vec![text("x"), text("y")]),
                Bound::One(number(2)),
                Bound::One(number(3)),
            ]
        );

        let sql = "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT (a) DO NOTHING";
        let values = vec![number(1), text("x"), number(2), Value::Text(None)];
        let done = rewrite(sql, &places(sql), values);
        assert_eq!(
            done.sql,
            "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::BIGINT[], $2::TEXT[]) ON CONFLICT (a) DO NOTHING"
        );
        assert_eq!(
            done.bound,
            [
                Bound::Many(Kind::Number, vec![number(1), number(2)]),
                Bound::Many(Kind::Text, vec![text("x"), Value::Text(None)]),
            ]
        );
    }

    #[test]
    fn what_has_another_form_stays_as_it_is() {
        for (sql, wanted) in [
            ("VALUES (?, 0), (?, 0)", "VALUES ($1, 0), ($2, 0)"),
            ("VALUES (?), (?, ?)", "VALUES ($1), ($2, $3)"),
            ("a IN (?, 7)", "a IN ($1, 7)"),
            ("a IN (?) OR (b) > (?, ?)", "a = ANY($1) OR (b) > ($2, $3)"),
        ] {
            let places = places(sql);
            let values = (0..).take(places.len()).map(number).collect();
            assert_eq!(rewrite(sql, &places, values).sql, wanted);
        }
        let mixed = "VALUES (?), (?)";
        let done = rewrite(mixed, &places(mixed), vec![number(1), text("x")]);
        assert_eq!((done.sql.as_str(), done.has_arrays), ("VALUES ($1), ($2)", false));
        let done = rewrite("a = $1 AND b = $2", &[], vec![number(1), text("x")]);
        assert_eq!((done.sql.as_str(), done.bound.len()), ("a = $1 AND b = $2", 2));
    }
}
