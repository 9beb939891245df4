#include "tools/testdata/messages.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace tidemark::tools::testdata {

namespace {

constexpr std::array<std::string_view, 10> kSubjects = {"Lunch on Friday?",
                                                        "Re: Lunch on Friday?",
                                                        "Fwd: [tidemark-dev] release notes",
                                                        "=?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
                                                        "=?UTF-8?B?5pel5pys6Kqe44Gu5Lu25ZCN?=",
                                                        "=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=",
                                                        "=?unknown-charset?Q?=FF=FE?=",
                                                        "=?UTF-8?B?not base64!?=",
                                                        "",
                                                        "Gr\xC3\xBC\xC3\x9F"
                                                        "e as UTF-8 in the header (RFC 6532)"};

constexpr std::array<std::string_view, 5> kPeople = {
    "Ann Example <ann@example.org>", "\"Bert, the second\" <bert@example.net>",
    "=?UTF-8?Q?J=C3=B6rg?= <joerg@example.com>", "undisclosed-recipients:;",
    "team: a@example.org, b@example.org;"};

constexpr std::array<std::string_view, 12> kWords = {
    "tide",  "mark", "harbour", "gauge", "water",       "buoy",
    "chart", "ebb",  "flood",   "keel",  "M\xC3\xB6we", "\xE6\xBD\xAE"};

std::string text(Random& random, std::uint64_t lines) {
    std::string result;
    for (std::uint64_t i = 0; i < lines; ++i) {
        for (std::uint64_t word = 0; word < 8; ++word) {
            if (word != 0) result += ' ';
            result += random.pick<std::string_view>(kWords);
        }
        result += "\r\n";
    }
    return result;
}

std::string header(Random& random, std::uint64_t number) {
    std::string result = fmt::format(
        "From: {}\r\nTo: {}\r\nSubject: {}\r\n", random.pick<std::string_view>(kPeople),
        random.pick<std::string_view>(kPeople), random.pick<std::string_view>(kSubjects));
    result += fmt::format("Date: Mon, {} Jan 2024 {:02}:{:02}:00 +0{}00\r\n", 1 + random.below(28),
                          random.below(24), random.below(60), random.below(10));
    result += fmt::format("Message-ID: <{}@testdata.example>\r\n", number);
    if (number > 3 && random.one_in(3)) {
        const std::uint64_t parent = 1 + random.below(number - 1);
        result += fmt::format(
            "In-Reply-To: <{0}@testdata.example>\r\n"
            "References: <{1}@testdata.example>\r\n <{0}@testdata.example>\r\n",
            parent, 1 + random.below(parent));
    }
    return result;
}

std::string alternative(Random& random, std::uint64_t number) {
    return header(random, number) + fmt::format(
                                        "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; "
                                        "boundary=\"b{0}\"\r\n\r\npreamble\r\n--b{0}\r\n"
                                        "Content-Type: text/plain; charset=utf-8; format=flowed\r\n"
                                        "Content-Transfer-Encoding: 8bit\r\n\r\n{1}--b{0}\r\n"
                                        "Content-Type: text/html; charset=us-ascii\r\n"
                                        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                                        "<p>caf=C3=A9 =\r\nsoft</p>\r\n--b{0}--\r\nepilogue\r\n",
                                        number, text(random, 3));
}

std::string attachment(Random& random, std::uint64_t number) {
    std::string encoded;
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::uint64_t line = 0; line < 4 + random.below(12); ++line) {
        // One letter a line: it is the size that counts, and the archive stays small.
        encoded += std::string(76, kAlphabet[random.below(kAlphabet.size())]) + "\r\n";
    }
    return header(random, number) +
           fmt::format(
               "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m{0}\r\n\r\n"
               "--m{0}\r\n\r\n{1}--m{0}\r\n"
               "Content-Type: application/octet-stream; name*=utf-8''r%C3%A9sum%C3%A9.bin\r\n"
               "Content-Disposition: attachment; filename=\"resume.bin\"; size=100\r\n"
               "Content-Transfer-Encoding: base64\r\nContent-ID: <part@{0}>\r\n"
               "Content-Language: de, en\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
               "\r\n{2}--m{0}--\r\n",
               number, text(random, 2), encoded);
}

std::string nested(Random& random, std::uint64_t number) {
    return header(random, number) +
           fmt::format(
               "MIME-Version: 1.0\r\nContent-Type: multipart/digest; boundary=d{0}\r\n\r\n"
               "--d{0}\r\n\r\n{1}\r\n--d{0}\r\nContent-Type: message/rfc822\r\n\r\n{2}\r\n"
               "--d{0}--\r\n",
               number, alternative(random, number * 1000 + 1),
               header(random, number * 1000 + 2) + "\r\ninner\r\n");
}

std::string broken(Random& random, std::uint64_t number) {
    switch (random.below(10)) {
        case 0:
            return "x";
        case 1:
            return "\r\n";
        case 2:
            return fmt::format("Subject: only a header, number {}", number);
        case 3:
            return header(random, number) +
                   "Content-Type: multipart/mixed; boundary=never\r\n\r\n--neve\r\nnot a part\r\n";
        case 4:
            return header(random, number) + "Content-Type: text/plain\r\n\r\nbefore NUL" +
                   std::string(1, '\0') + "after\xFF\xFE bytes that are no UTF-8\r\n";
        case 5:
            return fmt::format(
                "From: bare@lf.example\nSubject: lines end in LF, {}\n\nbody\nbody\n", number);
        case 6:
            return fmt::format("no header at all, but text {}\r\nFrom the first line on\r\n",
                               number);
        case 7:
            return header(random, number) + "\r\n" + std::string(5000, 'w') + "\r\n";
        case 8: {
            std::string deep = header(random, number);
            for (int level = 0; level < 40; ++level) {
                deep += fmt::format(
                    "Content-Type: multipart/mixed; boundary=l{0}\r\n\r\n--l{0}\r\n", level);
            }
            return deep + "the end is missing everywhere\r\n";
        }
        default:
            return "From: a@b\r\nFrom: c@d\r\nDate: yesterday\r\nMessage-ID: none\r\n"
                   "Subject: folded\r\n\tand folded\r\n  again\r\nContent-Type: ;;;\r\n"
                   "Content-Transfer-Encoding: rot13\r\n\r\nbody\r\n";
    }
}

}  // namespace

std::string any_message(Random& random, std::uint64_t number) {
    switch (random.below(8)) {
        case 0:
        case 1:
            return alternative(random, number);
        case 2:
            return attachment(random, number);
        case 3:
            return nested(random, number);
        case 4:
            return broken(random, number);
        default:
            return header(random, number) + "\r\n" + text(random, 1 + random.below(12));
    }
}

std::string large_message(std::uint64_t number, std::size_t bytes_min) {
    std::string message = fmt::format(
        "From: scans@example.org\r\nTo: all@example.org\r\nSubject: scan {0}\r\n"
        "Date: Tue, 2 Jan 2024 03:04:05 +0000\r\nMessage-ID: <large-{0}@example.org>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: image/tiff; name=scan.tif\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n",
        number);
    const std::string line = std::string(76, 'A') + "\r\n";
    message.reserve(bytes_min + line.size());
    while (message.size() < bytes_min) message += line;
    return message;
}

}  // namespace tidemark::tools::testdata
