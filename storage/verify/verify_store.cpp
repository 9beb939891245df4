#include "storage/verify/verify_store.hpp"

#include "storage/backup/file_copier.hpp"
#include "storage/format_file.hpp"
#include "storage/segments.hpp"

#include <utility>

namespace tidemark::storage {
namespace {

std::string place_of(const std::string& data) {
    return data + "/verification";
}

// The checkpoint of a database beside the format file that says how to read it.
Result<void> make_copy(Store& store, const std::string& place) {
    FileSystem& files = store.file_system();
    const auto format = read_format_number(store.directory(), files);
    if (!format) return tl::unexpected(format.error());
    if (auto made = files.make_directory(place); !made)
        return tl::unexpected(store_error(made.error()));
    return store.checkpoint(place + "/" + database_name(*format)).and_then([&] {
        return write_format_number(place, *format, files);
    });
}

}  // namespace

Result<VerifyReport> verify_store(Store& store, VerifyOptions options) {
    FileSystem& files = store.file_system();
    const std::string& data = store.directory();
    const std::string place = place_of(data);
    if (auto cleaned = clean_up_verification(files, data); !cleaned)
        return tl::unexpected(std::move(cleaned.error()));
    options.mail_directory = data + "/mail";
    options.lock = false;
    auto report = make_copy(store, place).and_then([&] { return verify(place, options, files); });
    auto cleaned = clean_up_verification(files, data);
    // Tables that the store has let go would take space until the next start.
    if (report && !cleaned) return tl::unexpected(std::move(cleaned.error()));
    return report;
}

Result<void> clean_up_verification(FileSystem& file_system, const std::string& data) {
    if (auto removed = remove_tree(file_system, place_of(data)); !removed)
        return tl::unexpected(store_error(removed.error()));
    return {};
}

}  // namespace tidemark::storage
