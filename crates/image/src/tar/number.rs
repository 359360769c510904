//! Numbers and texts in the fields of a tar header.
//!
//! In: a field's bytes. Out: its value as Go reads it. Odd: octal may be padded with blanks and NULs on both sides; a set
//! first bit means two's complement, big-endian, which may be negative.

/// The bytes up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number in octal or base 256; `None` when it is neither or does not fit.
pub(super) fn numeric(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => base256(field),
        _ => octal(field),
    }
}

fn base256(field: &[u8]) -> Option<i64> {
    let is_negative = field.first().is_some_and(|first| first & 0x40 != 0);
    let inversion = if is_negative { 0xff } else { 0 };
    let mut value: u64 = 0;
    for (index, byte) in field.iter().enumerate() {
        let byte = byte ^ inversion;
        let byte = if index == 0 { byte & 0x7f } else { byte };
        if value >> 56 != 0 {
            return None;
        }
        value = value << 8 | u64::from(byte);
    }
    let value = i64::try_from(value).ok()?;
    Some(if is_negative { !value } else { value })
}

/// A number in octal; an empty field is 0.
pub(super) fn octal(field: &[u8]) -> Option<i64> {
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let Some(start) = field.iter().position(|byte| !is_padding(byte)) else { return Some(0) };
    let end = field.iter().rposition(|byte| !is_padding(byte))?;
    let digits = text(field.get(start..=end)?);
    digits.iter().try_fold(0_i64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// A decimal number with an optional sign, as PAX records write them.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whole seconds of a PAX time (`-12.345`): Go rounds towards the past only by the sign of what it reads.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let whole = parts.next()?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = decimal(whole)?;
    let is_below = whole.starts_with(b"-") && fraction.iter().take(9).any(|digit| *digit != b'0');
    Some(if is_below { seconds.saturating_sub(1) } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (field, want) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"  644 \0\0", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"", Some(0)),
            (b"00000008", None),
            (b"12 \0x", None),
            (b"-1", None),
            (b"+1", None),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x80\0\0\0\0\0\0\0\0\0\0\x05", Some(5)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"\x80\x01\0\0\0\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", Some(i64::MIN)),
        ] {
            assert_eq!(numeric(field), want, "{field:?}");
        }
    }

    #[test]
    fn times_are_read_as_go_reads_them() {
        for (text, want) in [
            (&b"1350244992.023960108"[..], Some(1_350_244_992)),
            (b"-1.5", Some(-2)),
            (b"-1.", Some(-1)),
            (b"-0.5", Some(-1)),
            (b"5", Some(5)),
            (b"zzz", None),
            (b"1.x", None),
            (b"", None),
            (b".5", None),
        ] {
            assert_eq!(seconds(text), want, "{text:?}");
        }
    }
}
