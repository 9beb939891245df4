#include "tools/progress.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <string>

using std::chrono::milliseconds;
using tidemark::tools::Progress;

namespace {

class Screen {
  public:
    Screen() : file_(std::tmpfile()) { REQUIRE(file_ != nullptr); }
    ~Screen() { std::fclose(file_); }
    std::FILE* file() const { return file_; }
    std::string text() const {
        std::string result(static_cast<std::size_t>(std::ftell(file_)), '\0');
        std::rewind(file_);
        CHECK(std::fread(result.data(), 1, result.size(), file_) == result.size());
        return result;
    }

  private:
    std::FILE* file_;
};

}  // namespace

TEST_CASE("a progress line shows bar, share, rate and the time that is left") {
    CHECK(Progress::line("importing", "messages", 50, 200, milliseconds(1000), 79) ==
          "importing [#######.......................] 25% 50/200 messages, 50/s, 0:03 left");
    CHECK(Progress::line("importing", "messages", 0, 200, milliseconds(0), 200) ==
          "importing [........................................] 0% 0/200 messages, 0/s");
    CHECK(Progress::line("importing", "messages", 7322, 0, milliseconds(3'661'000), 79) ==
          "importing 7322 messages, 2/s, 1:01:01");
}

TEST_CASE("a progress line never is wider than the terminal") {
    for (unsigned columns = 0; columns < 100; ++columns) {
        CAPTURE(columns);
        for (const std::uint64_t done : {std::uint64_t{50}, std::uint64_t{500}}) {
            CHECK(Progress::line("importing", "messages", done, 200, milliseconds(1000), columns)
                      .size() <= columns);
        }
    }
}

TEST_CASE("progress draws ten times a second at most, and the last state at the end") {
    const Screen screen;
    std::chrono::steady_clock::time_point now{};
    Progress progress("x", "y", 0, screen.file(), 40, [&] { return now; });
    for (unsigned i = 1; i <= 1000; ++i) {
        now += milliseconds(1);
        progress.update(i);
    }
    progress.finish();
    progress.update(2000);
    progress.finish();
    const std::string text = screen.text();
    CHECK(std::count(text.begin(), text.end(), '\r') == 11);
    CHECK(text.ends_with("\rx 1000 y, 1000/s, 0:01\x1b[K\n"));
}

TEST_CASE("progress of nothing draws nothing") {
    const Screen screen;
    {
        const Progress progress("x", "y", 0, screen.file(), 40,
                                [] { return std::chrono::steady_clock::now(); });
    }
    CHECK(screen.text().empty());
}
