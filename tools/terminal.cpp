#include "tools/terminal.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>

namespace tidemark::tools {

namespace {

// More than any password; a file given by mistake is noticed.
constexpr std::size_t kPasswordBytesMax = 1024;

termios saved_settings;

// Ends the program by the signal, with the echo back on.
extern "C" void restore_echo(int signal_number) {
    tcsetattr(STDIN_FILENO, TCSANOW, &saved_settings);
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
}

class EchoOff {
  public:
    explicit EchoOff(bool wanted)
        : active_(wanted && tcgetattr(STDIN_FILENO, &saved_settings) == 0) {
        if (!active_) return;
        before_interrupt_ = std::signal(SIGINT, restore_echo);
        before_terminate_ = std::signal(SIGTERM, restore_echo);
        termios silent = saved_settings;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    ~EchoOff() {
        if (!active_) return;
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_settings);
        std::signal(SIGINT, before_interrupt_);
        std::signal(SIGTERM, before_terminate_);
    }
    EchoOff(const EchoOff&) = delete;
    EchoOff& operator=(const EchoOff&) = delete;

  private:
    bool active_;
    void (*before_interrupt_)(int) = SIG_DFL;
    void (*before_terminate_)(int) = SIG_DFL;
};

CommandResult<protocol::SecretString> read_line(std::istream& in) {
    std::string line;
    line.reserve(kPasswordBytesMax + 2);  // never moves, so no copy of a part stays behind
    for (int c = in.get(); c != std::istream::traits_type::eof() && c != '\n'; c = in.get()) {
        if (line.size() > kPasswordBytesMax) {
            protocol::wipe(line);
            return could_not_run(fmt::format("a password has at most {} bytes", kPasswordBytesMax));
        }
        line.push_back(static_cast<char>(c));
    }
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty())
        return could_not_run("no password: it is read from the standard input, one line");
    return protocol::SecretString::take(line);
}

CommandResult<protocol::SecretString> ask(Terminal& terminal, const std::string& prompt) {
    terminal.err << prompt << ": " << std::flush;
    const EchoOff echo_off(true);
    auto line = read_line(terminal.in);
    terminal.err << '\n';
    return line;
}

}  // namespace

Terminal process_terminal() {
    return {std::cin, std::cout, std::cerr, isatty(STDIN_FILENO) == 1};
}

CommandResult<protocol::SecretString> read_password(Terminal& terminal, std::string_view what) {
    if (!terminal.interactive) return read_line(terminal.in);
    auto first = ask(terminal, fmt::format("Password for {}", what));
    if (!first) return first;
    auto second = ask(terminal, "Once more");
    if (!second) return second;
    if (first->view() != second->view()) return could_not_run("the two passwords differ");
    return first;
}

}  // namespace tidemark::tools
