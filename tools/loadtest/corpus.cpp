#include "tools/loadtest/corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>

namespace tidemark::loadtest {

namespace {

// SplitMix64: the standard library's distributions differ between its makers, and every message
// must be made without those before it.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    // Sum of twelve: normal enough, and the same everywhere.
    double normal() {
        double sum = -6;
        for (unsigned i = 0; i < 12; ++i) sum += unit();
        return sum;
    }

  private:
    std::uint64_t state_;
};

constexpr double kMedianBytes = 8192;
constexpr double kSigma = 1.4;
constexpr double kBytesMax = 4.0 * 1024 * 1024;
constexpr std::uint64_t kPeople = 400;
constexpr std::uint64_t kThreadReach = 60;  // an answer is at most so far behind what it answers
constexpr std::size_t kWrapColumns = 76;

constexpr std::array<std::string_view, 40> kWords = {
    "the",      "report", "meeting", "of",       "Tuesday", "and",      "we",      "should",
    "look",     "at",     "figures", "again",    "before",  "sending",  "them",    "to",
    "customer", "please", "find",    "attached", "a",       "draft",    "for",     "your",
    "comments", "thanks", "regards", "invoice",  "number",  "delivery", "project", "next",
    "week",     "is",     "ready",   "release",  "notes",   "server",   "update",  "question"};
constexpr std::array<std::string_view, 12> kTopics = {"Quarterly figures",
                                                      "Lunch on Friday?",
                                                      "Release plan",
                                                      "Invoice",
                                                      "=?utf-8?q?R=C3=BCckfrage_zum_Angebot?=",
                                                      "Server maintenance",
                                                      "Holiday photos",
                                                      "=?utf-8?b?5pel56iL44Gu56K66KqN?=",
                                                      "Minutes of the meeting",
                                                      "Draft contract",
                                                      "Your order",
                                                      "Welcome"};
constexpr std::array<std::string_view, 8> kNames = {"Ann Field",   "Bo Lind",    "Carla Rossi",
                                                    "Deniz Kaya",  "Eva Novak",  "Frank Weber",
                                                    "Grace Okoro", "Hiro Tanaka"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Thread {
    std::uint64_t root = 0;
    std::uint64_t parent = 0;
    bool is_answer = false;
};

// What `number` answers follows from its own dice alone; the root is found by asking its ancestors.
Thread thread_of(std::uint64_t seed, std::uint64_t number) {
    Thread thread{number, number, false};
    std::uint64_t at = number;
    for (unsigned steps = 0; steps < 16 && at > 0; ++steps) {
        Random dice(seed ^ (at * 0xd1b54a32d192ed03) ^ 0x7468726561640000);
        if (dice.unit() > 0.55) break;
        const std::uint64_t back = 1 + dice.below(std::min(at, kThreadReach));
        if (steps == 0) {
            thread.parent = at - back;
            thread.is_answer = true;
        }
        at -= back;
    }
    thread.root = at;
    return thread;
}

std::string person(std::uint64_t number) {
    return fmt::format("{} <p{}@example.{}>", kNames[number % kNames.size()], number,
                       number % 3 == 0 ? "org" : "com");
}

std::string message_id(std::uint64_t seed, std::uint64_t number) {
    return fmt::format("<{:x}.{:x}@load.example.org>", number, seed);
}

// A day between 2020 and 2026; later numbers are later.
std::string date(std::uint64_t number) {
    const std::uint64_t minute = number * 7;
    const std::uint64_t day = minute / 1440;
    static constexpr std::array<std::string_view, 7> kDays = {"Wed", "Thu", "Fri", "Sat",
                                                              "Sun", "Mon", "Tue"};
    // Months of 28 days: every date exists, and the weekday need not fit.
    return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0100", kDays[day % 7], day % 28 + 1,
                       kMonths[day / 28 % 12], 2020 + day / 336 % 7, minute / 60 % 24, minute % 60,
                       number % 60);
}

void write_text(Random& random, std::size_t bytes, std::string& out) {
    const std::size_t end = out.size() + bytes;
    std::size_t column = 0;
    while (out.size() + 2 < end) {
        const std::string_view word = kWords[random.below(kWords.size())];
        if (column + word.size() + 1 > kWrapColumns) {
            out += "\r\n";
            column = 0;
        } else if (column > 0) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
    }
    out.resize(std::max(end, std::size_t{2}) - 2);
    if (out.ends_with('\r')) out.back() = '.';
    out += "\r\n";
}

void write_base64(Random& random, std::size_t bytes, std::string& out) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t lines = bytes / (kWrapColumns + 2) + 1;
    for (std::size_t line = 0; line < lines; ++line) {
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < kWrapColumns; ++i) {
            if (i % 10 == 0) bits = random.next();
            out += kAlphabet[bits & 63];
            bits >>= 6;
        }
        out += "\r\n";
    }
}

void write_html(Random& random, std::size_t bytes, std::string& out) {
    out += "<html><head><style>p { margin: 0 }</style></head><body>\r\n<p>";
    write_text(random, std::max<std::size_t>(bytes, 8), out);
    out += "</p></body></html>\r\n";
}

void write_headers(std::uint64_t seed, std::uint64_t number, Random& random, std::string& out) {
    const Thread thread = thread_of(seed, number);
    // Few write much: the square makes small numbers likelier.
    const double sender = random.unit();
    const auto from = static_cast<std::uint64_t>(sender * sender * kPeople);
    auto into = std::back_inserter(out);
    fmt::format_to(into, "From: {}\r\nTo: {}\r\n", person(from), person(random.below(kPeople)));
    if (random.below(4) == 0)
        fmt::format_to(into, "Cc: {},\r\n {}\r\n", person(random.below(kPeople)),
                       person(random.below(kPeople)));
    fmt::format_to(into, "Subject: {}{} {}\r\nDate: {}\r\nMessage-ID: {}\r\n",
                   thread.is_answer ? "Re: " : "", kTopics[thread.root % kTopics.size()],
                   thread.root, date(number), message_id(seed, number));
    if (thread.is_answer) {
        fmt::format_to(into, "In-Reply-To: {}\r\nReferences: {}", message_id(seed, thread.parent),
                       message_id(seed, thread.root));
        if (thread.parent != thread.root)
            fmt::format_to(into, "\r\n {}", message_id(seed, thread.parent));
        out += "\r\n";
    }
    out += "MIME-Version: 1.0\r\n";
}

constexpr std::string_view kPlain =
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
constexpr std::string_view kHtml =
    "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";

void write_body(std::uint64_t seed, std::uint64_t number, Random& random, std::size_t bytes,
                std::string& out) {
    const std::uint64_t kind = random.below(100);
    if (kind < 35) {
        out += kPlain;
        write_text(random, bytes, out);
        return;
    }
    if (kind < 40) {
        out += kHtml;
        write_html(random, bytes, out);
        return;
    }
    const std::string boundary = fmt::format("=_{:016x}", random.next());
    const auto open = [&](std::string_view type) {
        fmt::format_to(std::back_inserter(out),
                       "Content-Type: multipart/{}; boundary=\"{}\"\r\n\r\nA message of several "
                       "parts.\r\n\r\n--{}\r\n",
                       type, boundary, boundary);
    };
    const auto next = [&] { out += fmt::format("\r\n--{}\r\n", boundary); };
    if (kind < 72) {
        open("alternative");
        out += kPlain;
        write_text(random, bytes / 3, out);
        next();
        out += kHtml;
        write_html(random, bytes - bytes / 3, out);
    } else if (kind < 92) {
        open("mixed");
        out += kPlain;
        write_text(random, std::min<std::size_t>(bytes / 4, 2000), out);
        next();
        fmt::format_to(std::back_inserter(out),
                       "Content-Type: application/pdf; name=\"document-{0}.pdf\"\r\n"
                       "Content-Disposition: attachment; filename=\"document-{0}.pdf\"\r\n"
                       "Content-Transfer-Encoding: base64\r\n\r\n",
                       number);
        write_base64(random, bytes, out);
    } else if (kind < 97) {
        open("related");
        out += kHtml;
        write_html(random, bytes / 4, out);
        next();
        fmt::format_to(std::back_inserter(out),
                       "Content-Type: image/png\r\nContent-ID: <picture.{}@example.org>\r\n"
                       "Content-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                       number);
        write_base64(random, bytes, out);
    } else {
        open("mixed");
        out += kPlain;
        write_text(random, 300, out);
        next();
        out += "Content-Type: message/rfc822\r\n\r\n";
        write_headers(seed, number / 2, random, out);
        out += kPlain;
        write_text(random, bytes, out);
    }
    out += fmt::format("\r\n--{}--\r\n", boundary);
}

}  // namespace

std::string Corpus::message(std::uint64_t number, std::uint64_t bytes) const {
    Random random(seed_ * 0x9e3779b97f4a7c15 + number + 1);
    std::string text;
    write_headers(seed_, number, random, text);
    if (bytes > 0) {
        text += kPlain;
        write_text(random, bytes > text.size() ? bytes - text.size() : 0, text);
        return text;
    }
    const double size = std::min(kMedianBytes * std::exp(kSigma * random.normal()), kBytesMax);
    write_body(seed_, number, random, std::max<std::size_t>(static_cast<std::size_t>(size), 64),
               text);
    return text;
}

}  // namespace tidemark::loadtest
