// Violations as text: the rule, the case, and the shortest transcript that shows it.
#pragma once

#include "tools/check_sync/violation.hpp"

#include <ostream>
#include <string>
#include <vector>

namespace tidemark::check_sync {

// The lines of the evidence with the commands that they answer, in order, each with its session.
std::string transcript(const History& history, const std::vector<EventId>& evidence);

// Everything that is kept, as a transcript.
void write_all(const History& history, std::ostream& out);

// One violation of each rule, that with the shortest transcript, and how often each was found.
std::string report(const History& history, const std::vector<Violation>& violations);

}  // namespace tidemark::check_sync
