#include "storage/migrate/step.hpp"

namespace tidemark::storage {

const MigrationPlan& released_migrations() {
    static const MigrationPlan plan;
    return plan;
}

}  // namespace tidemark::storage
