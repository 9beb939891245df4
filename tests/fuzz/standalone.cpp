// main() for a fuzz target without libFuzzer: runs it over the entries of its dictionary, over any
// further files named, and over a fixed number of inputs put together from both by a generator with
// a fixed seed. Usage:
//   TARGET DICTIONARY [INPUT-FILE…]        FUZZ_SEED=n FUZZ_RUNS=n in the environment change the
//   defaults
// On a crash, the last input is in the file crash-input of the working directory.

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::uint64_t kSeed = 20261125;
constexpr std::uint64_t kRuns = 20'000;
constexpr std::size_t kInputBytesMax = 4096;

std::string current_input;

void save_input(int signal) {
    const int file = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0) {
        [[maybe_unused]] const auto written =
            write(file, current_input.data(), current_input.size());
        close(file);
    }
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void run(std::string_view input) {
    current_input = input;
    // A block of exactly this size, so that a sanitizer sees a read behind it.
    std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

int hex_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

// One line of a dictionary in libFuzzer's form: name="text", with \\, \" and \xNN.
bool parse_entry(std::string_view line, std::string& out) {
    const auto first = line.find('"');
    const auto last = line.rfind('"');
    if (line.empty() || line[0] == '#' || first == std::string_view::npos || first == last) {
        return false;
    }
    out.clear();
    for (std::size_t i = first + 1; i < last; ++i) {
        if (line[i] != '\\') {
            out += line[i];
        } else if (i + 3 < last + 1 && line[i + 1] == 'x') {
            out += static_cast<char>(hex_value(line[i + 2]) * 16 + hex_value(line[i + 3]));
            i += 3;
        } else {
            out += line[++i];
        }
    }
    return true;
}

std::vector<std::string> read_dictionary(const char* path) {
    std::vector<std::string> entries;
    std::ifstream file(path);
    std::string line;
    std::string entry;
    while (std::getline(file, line)) {
        if (parse_entry(line, entry)) {
            entries.push_back(entry);
        }
    }
    return entries;
}

class Generator {
  public:
    Generator(std::vector<std::string> words, std::uint64_t seed)
        : words_(std::move(words)), random_(seed) {
        words_.emplace_back("\r\n");
        words_.emplace_back(" ");
    }

    std::string next() {
        std::string input = words_[below(words_.size())];
        if (below(4) != 0) {
            const auto parts = below(12);
            for (std::size_t i = 0; i < parts; ++i) {
                input += words_[below(words_.size())];
                if (below(8) == 0) {
                    input += static_cast<char>(below(256));
                }
            }
        }
        for (auto changes = below(5); changes > 0; --changes) {
            mutate(input);
        }
        if (input.size() > kInputBytesMax) {
            input.resize(kInputBytesMax);
        }
        return input;
    }

  private:
    std::size_t below(std::size_t bound) { return random_() % bound; }

    void mutate(std::string& input) {
        const std::size_t at = below(input.size() + 1);
        const std::size_t length = below(input.size() - at + 1);
        switch (below(7)) {
            case 0:
                input.insert(at, words_[below(words_.size())]);
                break;
            case 1:
                input.erase(at, length);
                break;
            case 2:
                input.insert(at, 1, static_cast<char>(below(256)));
                break;
            case 3:
                if (at < input.size()) {
                    input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
                }
                break;
            case 4:
                input.insert(below(input.size() + 1), input.substr(at, length));
                break;
            case 5:
                input.resize(at);
                break;
            default:
                input.insert(at, std::to_string(random_() >> below(64)));
                break;
        }
    }

    std::vector<std::string> words_;
    std::mt19937_64 random_;
};

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s DICTIONARY [INPUT-FILE...]\n", argv[0]);
        return 2;
    }
    std::signal(SIGABRT, save_input);
    std::signal(SIGSEGV, save_input);

    auto words = read_dictionary(argv[1]);
    for (int i = 2; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        words.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    if (words.empty()) {
        std::fprintf(stderr, "%s: no entries\n", argv[1]);
        return 2;
    }
    const auto seed = setting("FUZZ_SEED", kSeed);
    const auto runs = setting("FUZZ_RUNS", kRuns);
    std::printf("seed %llu, %llu inputs\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(runs));
    run("");
    for (const auto& word : words) {
        run(word);
    }
    Generator generator(std::move(words), seed);
    for (std::uint64_t i = 0; i < runs; ++i) {
        run(generator.next());
    }
    return 0;
}
