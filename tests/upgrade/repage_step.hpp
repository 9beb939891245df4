// A migration step for tests: the pages of every mailbox hold another number of messages. So it
// keeps messages back from one record to the next and puts fewer or more records than it gets,
// which is all that a step may do.
#pragma once

#include "storage/migrate/step.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::test {

class RepageStep final : public storage::MigrationStep {
  public:
    explicit RepageStep(std::size_t messages) : messages_(messages) {}
    std::string_view name() const override { return "repage"; }
    storage::Result<void> record(storage::Family family, std::string_view key,
                                 std::string_view value, storage::MigrationSink& sink) override;
    storage::Result<void> end_of_family(storage::Family family,
                                        storage::MigrationSink& sink) override;
    bool at_rest() const override { return kept_.empty(); }

  private:
    storage::Result<void> put_page(storage::MigrationSink& sink);

    std::size_t messages_;
    std::string mailbox_;  // the key's beginning
    std::vector<storage::Message> kept_;
};

// Formats 1 to 1 + pages.size().
storage::MigrationPlan repaging(const std::vector<std::size_t>& pages);

}  // namespace tidemark::test
