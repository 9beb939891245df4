#include "tests/upgrade/archive.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace tidemark::test {

namespace {

constexpr std::size_t kBlock = 512;

// A field of text, which ends with a NUL or with the field.
std::string_view field(std::string_view header, std::size_t offset, std::size_t size) {
    const std::string_view bytes = header.substr(offset, size);
    return bytes.substr(0, bytes.find('\0'));
}

void make_directories(const std::string& path, testing::FaultyFileSystem& files) {
    for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
        const std::string part = path.substr(0, at);
        if (*files.status(part)) continue;
        REQUIRE(files.make_directory(part));
    }
}

}  // namespace

std::string gunzip(const std::string& path) {
    gzFile file = gzopen(path.c_str(), "rb");
    REQUIRE_MESSAGE(file != nullptr, path);
    std::string bytes;
    std::array<char, 65536> piece;
    int size = 0;
    while ((size = gzread(file, piece.data(), piece.size())) > 0)
        bytes.append(piece.data(), static_cast<std::size_t>(size));
    CHECK_MESSAGE(size == 0, path);
    CHECK_MESSAGE(gzclose(file) == Z_OK, path);
    return bytes;
}

void unpack(const std::string& tar, const std::string& directory,
            testing::FaultyFileSystem& files) {
    std::size_t at = 0;
    while (at + kBlock <= tar.size() && tar[at] != '\0') {
        const std::string_view header = std::string_view(tar).substr(at, kBlock);
        const std::string name(field(header, 0, 100));
        const std::size_t size = std::stoull(std::string(field(header, 124, 12)), nullptr, 8);
        at += kBlock;
        REQUIRE(at + size <= tar.size());
        if (header[156] == '0') {
            const std::string path = directory + name.substr(name.find('/'));
            make_directories(path, files);
            files.replace_contents(path, tar.substr(at, size));
        }
        at += (size + kBlock - 1) / kBlock * kBlock;
    }
}

}  // namespace tidemark::test
