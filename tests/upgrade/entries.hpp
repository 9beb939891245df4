// The stored directories of this folder, and how a directory is looked at.
#pragma once

#include "storage/limits.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::test {

inline constexpr const char* kDirectory = "/data";

// `file` of the entry of a format.
std::string entry_path(std::uint32_t format, std::string_view file);
std::set<std::uint32_t> stored_formats();
// Puts an entry's directory to kDirectory.
void unpack_entry(std::uint32_t format, testing::FaultyFileSystem& files);

struct Opened {
    std::string dump;
    std::vector<std::string> accounts;  // that can log in
};
// As a program whose newest format is `newest` reads it; nothing is changed.
Opened open_and_dump(testing::FaultyFileSystem& files, std::uint32_t newest = storage::kFormat);

// Fails the test with the first lines that differ.
void check_same(const std::string& found, const std::string& stored);

}  // namespace tidemark::test
