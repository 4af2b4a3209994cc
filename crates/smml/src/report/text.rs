//! Text for HTML and SVG: escaping, widths for the layout of figures, exponents, file names, dates.

/// Text that is safe between tags and inside quoted attributes; characters that XML forbids become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(printable(c)),
        }
    }
    out
}

/// The character, or U+FFFD for one that no XML document may hold.
pub(super) fn printable(c: char) -> char {
    let forbidden = (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if forbidden { '\u{fffd}' } else { c }
}

/// A name for files and anchors: letters, digits, `-` and `_`; never empty.
pub(super) fn slug(id: &str) -> String {
    let slug: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).take(100).collect();
    if slug.is_empty() { "figure".into() } else { slug }
}

/// About how wide a text is in a proportional sans-serif font of a size, rather too wide than too narrow.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | 'f' | 't' | 'r' | '('
        | ')' | '[' | ']' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '∫' | '∑' => 0.92,
        '0'..='9' => 0.6,
        '⁰' | '¹' | '²' | '³' | '⁴'..='⁹' | '⁻' | '₀'..='₉' => 0.42,
        '\u{300}'..='\u{36f}' => 0.0,
        c if c.is_uppercase() => 0.7,
        c if c > '\u{2e80}' => 1.0,
        _ => 0.6,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// Lines no wider than `limit`, broken between words where that is possible.
pub(super) fn wrap(text: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(word, size) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// `10⁻³`.
pub(super) fn power_of_ten(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let mut text = String::from(if exponent < 0 { "10⁻" } else { "10" });
    text.extend(exponent.unsigned_abs().to_string().bytes().map(|b| DIGITS[usize::from(b - b'0')]));
    text
}

/// Seconds as people read them: `3.2 ms`, `4.71 s`, `2 min 5 s`.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() || s < 0.0 => "?".into(),
        s if s < 1e-3 => "< 1 ms".into(),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s => {
            let s = s.round() as u64;
            match s / 3600 {
                0 => format!("{} min {} s", s / 60, s % 60),
                hours => format!("{hours} h {} min", s % 3600 / 60),
            }
        }
    }
}

/// Seconds since 1970 as `2026-02-28 13:05 UTC` (Gregorian calendar).
pub(super) fn date(unix: u64) -> String {
    let days = unix / 86_400;
    // Years start in March, so that the leap day is the last: 719468 days lie between 0000-03-01 and 1970-01-01.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let minutes = unix % 86_400 / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// Base64 with padding, for `data:` addresses.
pub(super) fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let sign = SIGNS[(word >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_unescaped() {
        assert_eq!(escape("<a href='x'>&\"\0β"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}β");
    }

    #[test]
    fn slugs_are_file_names() {
        assert_eq!(slug("../a b/c.ω_1"), "---a-b-c--_1");
        assert_eq!(slug(""), "figure");
    }

    #[test]
    fn dates_of_the_calendar() {
        // date -u -d @N
        for (unix, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59 UTC"),
            (1_767_225_599, "2025-12-31 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(date(unix), text);
        }
    }

    #[test]
    fn base64_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        assert_eq!(wrap("aaaa bbbb cccc", 10.0, 60.0), ["aaaa bbbb", "cccc"]);
        assert_eq!(wrap("aaaaaaaaaaaaaaaaaaaa b", 10.0, 60.0), ["aaaaaaaaaaaaaaaaaaaa", "b"]);
        assert!(wrap("  ", 10.0, 60.0).is_empty());
    }

    #[test]
    fn durations_are_readable() {
        for (seconds, text) in [
            (0.0, "< 1 ms"),
            (0.0123, "12 ms"),
            (0.9999, "1.00 s"),
            (9.999, "10.0 s"),
            (59.99, "1 min 0 s"),
            (3725.0, "1 h 2 min"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn powers_have_superscripts() {
        assert_eq!(power_of_ten(-12), "10⁻¹²");
        assert_eq!(power_of_ten(300), "10³⁰⁰");
    }
}
