#include "tools/commands.hpp"
#include "tools/server_bridge.hpp"

#include <map>
#include <memory>

namespace tidemark::tools {

void add_import(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "import", "Bring mail in from a Maildir or mbox; what was brought in before is left out");
    sub->footer(
        "DIR/imports remembers what was brought in, by source, account and --mailbox: an import "
        "that was\ninterrupted goes on where it was, and one that is run again brings in what is "
        "new. Remove the files\nthere to bring everything in again. A server that runs on DIR "
        "takes "
        "the mail itself.");
    auto options = std::make_shared<TransferOptions>();
    const std::map<std::string, MailFormat> formats = {{"maildir", MailFormat::kMaildir},
                                                       {"mbox", MailFormat::kMbox}};
    sub->add_option("FORMAT", options->format, "maildir or mbox")
        ->required()
        ->transform(CLI::CheckedTransformer(formats))
        ->type_name("");
    sub->add_option("SOURCE", options->path, "The Maildir; the mbox file, or a directory of them")
        ->required();
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--account", options->account, "The account that gets the mail")
        ->required()
        ->type_name("NAME");
    sub->add_option("--mailbox", options->mailbox,
                    "Where it goes; folders go below it. Else INBOX, folders at the top")
        ->type_name("NAME");
    sub->callback([options, &context] { context.finish(import_mail(*options, context.terminal)); });
}

}  // namespace tidemark::tools
