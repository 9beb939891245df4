// A directory of a test's own, with files in it.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace tidemark::tools::test {

class Scratch {
  public:
    Scratch() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "tidemark-mail-test-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~Scratch() { std::filesystem::remove_all(path_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::string path(const std::string& name = "") const {
        return name.empty() ? path_ : path_ + "/" + name;
    }
    void directory(const std::string& name) const {
        std::filesystem::create_directories(path(name));
    }
    void file(const std::string& name, const std::string& bytes,
              std::int64_t mtime = 1'700'000'000) const {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << bytes;
        const timespec times[2] = {{mtime, 0}, {mtime, 0}};
        REQUIRE(utimensat(AT_FDCWD, path(name).c_str(), times, 0) == 0);
    }
    std::string read(const std::string& name) const {
        std::ifstream stream(path(name), std::ios::binary);
        std::ostringstream text;
        text << stream.rdbuf();
        return text.str();
    }

  private:
    std::string path_;
};

}  // namespace tidemark::tools::test
