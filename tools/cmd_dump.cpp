#include "tools/commands.hpp"
#include "tools/dump.hpp"

#include <memory>

namespace tidemark::tools {

namespace {

struct DumpArguments {
    std::string data;
    DumpOptions dump;
    bool no_bodies = false;
};

CommandResult<void> run(const DumpArguments& options, Terminal& terminal) {
    const auto counts = dump_directory(options.data, options.dump,
                                       [&](std::string_view line) -> CommandResult<void> {
                                           terminal.out << line << '\n';
                                           if (!terminal.out)
                                               return could_not_run("the dump can not be written");
                                           return {};
                                       });
    if (!counts) return tl::unexpected(counts.error());
    terminal.out.flush();
    if (!terminal.out) return could_not_run("the dump can not be written");
    return {};
}

}  // namespace

void add_dump(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "dump", "Write what a data directory or backup holds as lines of JSON, to compare it");
    sub->footer(
        "Nothing in DIR is changed. No server may have it open. Two directories with the same dump "
        "hold the\nsame, however it lies on the disk.");
    auto options = std::make_shared<DumpArguments>();
    sub->add_option("DIR", options->data, "The data directory or backup")->required();
    sub->add_option("--account", options->dump.account, "Only this account")->type_name("NAME");
    sub->add_flag("--no-bodies", options->no_bodies,
                  "Do not read the messages; their lines are without a digest");
    sub->callback([options, &context] {
        options->dump.bodies = !options->no_bodies;
        context.finish(run(*options, context.terminal));
    });
}

}  // namespace tidemark::tools
