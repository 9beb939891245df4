// What a run of the checker is told.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tidemark::check_sync {

struct Settings {
    std::uint32_t sessions = 8;   // that change mailboxes
    std::uint32_t observers = 4;  // that only look, in the four styles in turn
    std::uint64_t operations = 10'000;
    std::uint64_t operations_per_phase = 5'000;
    std::uint64_t seed = 1;
    std::uint32_t mailboxes = 2;
    std::size_t messages_wanted = 20;  // about as many are in each mailbox
    std::string prefix = "check-sync-";
    std::string restart_command;              // empty: none
    std::string transcript;                   // file that gets the last phases' lines; empty: none
    bool keeps_going = false;                 // after a phase with a violation
    std::chrono::milliseconds settling{200};  // for commands whose session went away
};

}  // namespace tidemark::check_sync
