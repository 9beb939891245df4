// What is stored of each format: files compressed with gzip, a data directory as a tar of them.
#pragma once

#include "tests/support/faulty_file_system.hpp"

#include <string>

namespace tidemark::test {

// Fails the test when the file can not be read whole.
std::string gunzip(const std::string& path);

// Puts the regular files of a tar (ustar, names of at most 100 bytes) below `directory`, without
// the first part of their names; durable at once. Directories are made as they are needed.
void unpack(const std::string& tar, const std::string& directory, testing::FaultyFileSystem& files);

}  // namespace tidemark::test
