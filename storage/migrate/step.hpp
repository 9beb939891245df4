// What a change of format does to the records: one step for each format, from N to N + 1.
//
// A step gets every record of the old database once, family by family, keys ascending, and puts
// those of the new one, in any family and order. It may keep records back, to make larger ones of
// them, within one family. It sees no disk and cannot know whether it is run again from where an
// interrupted run had got to: the same records give the same puts. Segment files are not part of
// it; they are frames that explain themselves and are the same in every format.
//
// Rules for a new format: raise kFormat, add the step to released_migrations(), keep the decoders
// of the old values (an old directory is still opened for reading, which is how a migration is
// compared with what it was made from), add an entry to tests/upgrade.
#pragma once

#include "storage/store_impl.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace tidemark::storage {

class MigrationSink {
  public:
    virtual ~MigrationSink() = default;
    virtual Result<void> put(Family family, std::string_view key, std::string_view value) = 0;
};

class MigrationStep {
  public:
    virtual ~MigrationStep() = default;
    // Its name and edition: a run that another edition began is not gone on with.
    virtual std::string_view name() const = 0;
    virtual Result<void> record(Family family, std::string_view key, std::string_view value,
                                MigrationSink& sink) = 0;
    // No more of this family: what was kept back is put.
    virtual Result<void> end_of_family(Family, MigrationSink&) { return {}; }
    // Nothing is kept back: here a run may be interrupted and gone on with.
    virtual bool at_rest() const { return true; }
    // What the new database may take up when the old one has `old_bytes`. Tables are written
    // before older ones are merged away, so it is more than the records.
    virtual std::uint64_t bytes_needed(std::uint64_t old_bytes) const { return 2 * old_bytes; }
};

// steps[i] makes format i + 2 of format i + 1.
struct MigrationPlan {
    std::vector<std::function<std::unique_ptr<MigrationStep>()>> steps;
    std::uint32_t newest() const { return static_cast<std::uint32_t>(steps.size()) + 1; }
};

// To kFormat.
const MigrationPlan& released_migrations();

}  // namespace tidemark::storage
