//! Breaks text into lines that fit a terminal.
//!
//! Widths are those of UAX #11: Chinese, Japanese and Korean characters take
//! two columns. Lines that are given stay apart; a word that is wider than
//! the line is kept whole, so that a path or a command can be copied.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text in lines of at most `width` columns; no width, no wrapping.
/// An indented line (a command) is kept as it is.
pub(super) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let text = text.trim_end();
    match width {
        None => text.lines().map(str::to_owned).collect(),
        Some(width) => text.lines().flat_map(|line| wrap_line(line, width.max(20))).collect(),
    }
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    if line.starts_with(' ') || line.width() <= width {
        return vec![line.to_owned()];
    }
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut current_width = 0;
    for word in line.split(' ').flat_map(break_wide) {
        let word_width = word.text.width();
        let gap = usize::from(word.starts_word && !current.is_empty());
        if current_width + gap + word_width > width && !current.is_empty() {
            lines.push(std::mem::take(&mut current));
            current_width = 0;
        } else if gap == 1 {
            current.push(' ');
            current_width += 1;
        }
        current.push_str(word.text);
        current_width += word_width;
    }
    lines.push(current);
    lines
}

/// A piece of text before which a line may break.
struct Piece<'a> {
    text: &'a str,
    /// Whether a space stands before it.
    starts_word: bool,
}

/// A word in pieces: text in wide characters has no spaces, so a line may
/// break between any two of them.
fn break_wide(word: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut previous_is_wide = false;
    for (at, character) in word.char_indices() {
        let is_wide = character.width() == Some(2);
        // Closing punctuation never begins a line.
        let is_closing = matches!(character, '。' | '，' | '、' | '；' | '：' | '！' | '？' | '）' | '》' | '」' | '”');
        if at > start && (is_wide || previous_is_wide) && !is_closing {
            pieces.push(Piece { text: word.get(start..at).unwrap_or_default(), starts_word: start == 0 });
            start = at;
        }
        previous_is_wide = is_wide;
    }
    pieces.push(Piece { text: word.get(start..).unwrap_or_default(), starts_word: start == 0 });
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_fits_stays_on_its_lines() {
        assert_eq!(wrap("one\ntwo three\n", Some(40)), ["one", "two three"]);
    }

    #[test]
    fn long_text_breaks_between_words() {
        assert_eq!(wrap("the kubelet uses cgroupfs", Some(20)), ["the kubelet uses", "cgroupfs"]);
    }

    #[test]
    fn a_word_wider_than_the_line_stays_whole() {
        let path = "/var/lib/kubelet/pki/kubelet-client-current.pem";
        assert_eq!(wrap(&format!("read {path} now"), Some(20)), ["read", path, "now"]);
    }

    #[test]
    fn wide_characters_take_two_columns_and_break_anywhere() {
        assert_eq!(wrap("节点的交换分区没有关闭。请关闭", Some(20)), ["节点的交换分区没有关", "闭。请关闭"]);
    }

    #[test]
    fn without_a_terminal_nothing_is_wrapped() {
        let text = "word ".repeat(100);
        assert_eq!(wrap(&text, None).len(), 1);
    }

    #[test]
    fn a_command_is_not_wrapped() {
        let command = "  kubeadm upgrade apply v1.34.1 --yes --certificate-renewal=false";
        assert_eq!(wrap(command, Some(20)), [command]);
    }
}
