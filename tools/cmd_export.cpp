#include "tools/commands.hpp"
#include "tools/server_bridge.hpp"

#include <map>
#include <memory>

namespace tidemark::tools {

void add_export(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "export", "Write mail out to a Maildir or mbox; no server may have the directory open");
    auto options = std::make_shared<TransferOptions>();
    const std::map<std::string, MailFormat> formats = {{"maildir", MailFormat::kMaildir},
                                                       {"mbox", MailFormat::kMbox}};
    sub->add_option("FORMAT", options->format, "maildir or mbox")
        ->required()
        ->transform(CLI::CheckedTransformer(formats))
        ->type_name("");
    sub->add_option("DEST", options->path,
                    "The Maildir, or the directory for a file a mailbox; new or empty")
        ->required();
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--account", options->account, "The account whose mail it is")
        ->required()
        ->type_name("NAME");
    sub->add_option("--mailbox", options->mailbox, "Only this mailbox")->type_name("NAME");
    sub->callback([options, &context] { context.finish(export_mail(*options, context.terminal)); });
}

}  // namespace tidemark::tools
