// The file `format` of a data directory, which alone decides what the directory is: how its records
// read and which database they are in. Replacing it by a rename is how a migration is committed.
// Any thread; blocks.
#pragma once

#include "storage/file_system.hpp"
#include "storage/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::storage {

// The number in the file; kNotFound, kCorrupt, kIo. It may be of any later format.
Result<std::uint32_t> read_format_number(const std::string& directory, FileSystem& files);
// Durable when it returns; a crash leaves the old file or the new one.
Result<void> write_format_number(const std::string& directory, std::uint32_t format,
                                 FileSystem& files);

// Where the database of a format is in a data directory: "db" for format 1, "db-N" for others.
std::string database_name(std::uint32_t format);
std::optional<std::uint32_t> format_of_database(std::string_view name);

// Takes away every database but those of `first` … `last`: what a committed migration replaced, or
// what an abandoned one left. Nothing else is touched.
Result<void> remove_other_databases(const std::string& directory, std::uint32_t first,
                                    std::uint32_t last, FileSystem& files);
Result<void> remove_database(const std::string& path, FileSystem& files);
// What its files take up; 0 when it is not there.
Result<std::uint64_t> database_bytes(const std::string& path, FileSystem& files);

}  // namespace tidemark::storage
