// Processor time and memory of a process and all its descendants, as Linux's /proc tells them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace tidemark::loadtest {

struct ProcessUse {
    std::uint64_t processes = 0;
    // User and system, also of descendants that have ended and were waited for.
    double cpu_seconds = 0;
    // Proportional set size; nothing where /proc does not let us look (another user's process).
    std::optional<std::uint64_t> pss_bytes;
};

// Nothing: there is no such process. Reading the memory of a process costs about as much as the
// process has pages; without `with_memory` it is left out.
[[nodiscard]] std::optional<ProcessUse> process_use(pid_t root, bool with_memory = true);

}  // namespace tidemark::loadtest
