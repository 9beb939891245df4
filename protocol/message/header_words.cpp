#include "protocol/message/header_words.hpp"

#include "protocol/charset.hpp"
#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/structured_field.hpp"
#include "protocol/message/transfer_decode.hpp"

#include <algorithm>
#include <optional>

namespace tidemark::protocol::message {
namespace {

/// Names of charsets and languages are short; the bound keeps the search for the next "?" cheap.
constexpr std::size_t kCharsetBytesMax = 80;

struct EncodedWord {
    std::string_view charset;
    char encoding = 'Q';
    std::string_view text;
    std::size_t end = 0;
};

/// RFC 2047 §4.2: "_" is a space, =XX a byte.
std::string decode_q(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '=' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            out.push_back(
                static_cast<char>((hex_value(text[i + 1]) << 4) | hex_value(text[i + 2])));
            i += 2;
        } else {
            out.push_back(c == '_' ? ' ' : c);
        }
    }
    return out;
}

/// Finds encoded words from left to right; the position of the next "?=" is kept, so that a text
/// full of beginnings without an end stays linear.
class WordFinder {
  public:
    explicit WordFinder(std::string_view text) : text_(text) {}

    /// RFC 2047 §2: encoded-word = "=?" charset "?" encoding "?" encoded-text "?="
    std::optional<EncodedWord> word_at(std::size_t begin);

  private:
    std::string_view text_;
    std::size_t next_end_ = 0;
};

std::optional<EncodedWord> WordFinder::word_at(std::size_t begin) {
    const std::string_view head = text_.substr(begin + 2, kCharsetBytesMax);
    const std::size_t question = head.find('?');
    if (question == std::string_view::npos || question == 0 ||
        head.substr(0, question).find_first_of(" \t=\"") != std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t encoding = begin + 2 + question + 1;
    if (encoding + 1 >= text_.size() || text_[encoding + 1] != '?') {
        return std::nullopt;
    }
    EncodedWord word;
    word.charset = head.substr(0, question);
    word.charset = word.charset.substr(0, word.charset.find('*'));  // RFC 2231 §5: the language
    word.encoding = to_upper(text_[encoding]);
    const std::size_t text_begin = encoding + 2;
    if (word.encoding != 'B' && word.encoding != 'Q') {
        return std::nullopt;
    }
    if (next_end_ < text_begin) {
        next_end_ = std::min(text_.find("?=", text_begin), text_.size());
    }
    if (next_end_ == text_.size()) {
        return std::nullopt;
    }
    word.text = text_.substr(text_begin, next_end_ - text_begin);
    word.end = next_end_ + 2;
    if (word.text.find("=?") != std::string_view::npos) {
        return std::nullopt;  // the end belongs to a later word
    }
    return word;
}

/// Puts the decoded text together. Words of one charset that follow each other are converted as one
/// text, because a character may be split between them.
class WordDecoder {
  public:
    explicit WordDecoder(std::string& out) : out_(out) {}

    void add_word(const EncodedWord& word, std::string_view raw) {
        if (!equals_ignoring_case(word.charset, charset_)) {
            flush();
            charset_ = word.charset;
        }
        bytes_ += word.encoding == 'B' ? decode_transfer(TransferEncoding::kBase64, word.text)
                                       : decode_q(word.text);
        raw_.append(raw);
    }

    void flush() {
        if (!raw_.empty() && !append_utf8(charset_, bytes_, out_)) {
            // RFC 2047 §6.2: a word of an unknown charset is shown as it is; but ASCII is ASCII
            // nearly everywhere.
            append_valid_utf8(ascii_prefix_size(bytes_) == bytes_.size() ? bytes_ : raw_, out_);
        }
        bytes_.clear();
        raw_.clear();
        charset_ = {};
    }

  private:
    std::string& out_;
    std::string_view charset_;
    std::string bytes_;
    std::string raw_;
};

}  // namespace

std::string decode_header_text(std::string_view value) {
    const std::string unfolded = unfold(value);
    const std::string_view text = unfolded;
    std::string out;
    out.reserve(text.size());
    WordFinder finder(text);
    WordDecoder decoder(out);
    std::size_t done = 0;  // everything before is in `out` or in the decoder
    std::size_t position = 0;
    bool is_after_word = false;
    while ((position = text.find("=?", position)) != std::string_view::npos) {
        const auto word = finder.word_at(position);
        if (!word) {
            position += 2;
            continue;
        }
        const std::string_view between = text.substr(done, position - done);
        // RFC 2047 §6.2: white space between two encoded words is not shown.
        if (!is_after_word || !std::all_of(between.begin(), between.end(), is_blank)) {
            decoder.flush();
            append_valid_utf8(between, out);
        }
        decoder.add_word(*word, text.substr(position, word->end - position));
        done = position = word->end;
        is_after_word = true;
    }
    decoder.flush();
    append_valid_utf8(text.substr(done), out);
    return out;
}

std::string decode_parameter(const std::vector<Parameter>& parameters, std::string_view name) {
    // RFC 2231 §4: name*=charset'language'%XX; continuations were joined when the field was parsed.
    const std::string_view extended = find_parameter(parameters, std::string(name) + "*");
    const std::size_t first = extended.find('\'');
    const std::size_t second =
        first == std::string_view::npos ? first : extended.find('\'', first + 1);
    if (second != std::string_view::npos) {
        std::string out;
        const std::string bytes = percent_decoded(extended.substr(second + 1));
        if (!append_utf8(extended.substr(0, first), bytes, out)) {
            append_valid_utf8(bytes, out);
        }
        return out;
    }
    const std::string_view plain = find_parameter(parameters, name);
    return decode_header_text(plain.data() != nullptr ? plain : extended);
}

}  // namespace tidemark::protocol::message
