#include "tools/commands.hpp"
#include "tools/data_directory.hpp"
#include "tools/serve_flags.hpp"
#include "tools/server_bridge.hpp"

#include <memory>

namespace tidemark::tools {

namespace {

struct ServeArguments {
    std::string data;
    std::string config_file;
    ServeFlags flags;
};

CommandResult<void> run(const ServeArguments& options, Terminal& terminal) {
    ServeOptions serving;
    serving.data = options.data;
    if (!options.config_file.empty()) serving.config_file = options.config_file;
    auto config = load_config(serving.data, serving.config_file);
    if (!config) return tl::unexpected(config.error());
    serving.config = std::move(*config);
    if (auto applied = apply_flags(options.flags, serving.config); !applied) {
        return tl::unexpected(CommandError{ExitCode::kUsage, applied.error()});
    }
    serving.flags = options.flags;
    return serve(serving, terminal);
}

}  // namespace

void add_serve(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("serve", "Run the server");
    auto options = std::make_shared<ServeArguments>();
    ServeFlags& flags = options->flags;
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--config", options->config_file, "Configuration; else DIR/tidemark.toml")
        ->type_name("FILE");
    const auto listen = [sub](const char* name, std::vector<std::string>& addresses,
                              const char* purpose) {
        sub->add_option(name, addresses, purpose)->type_name("ADDR:PORT")->allow_extra_args(false);
    };
    listen("--imap", flags.imap,
           "Listen for IMAP with STARTTLS; may be repeated; 'none' for not at all");
    listen("--imaps", flags.imaps, "Listen for IMAP over TLS; likewise");
    listen("--lmtp", flags.lmtp, "Listen for LMTP; likewise; also unix:PATH");
    sub->add_option("--admin", flags.admin, "The admin socket")->type_name("PATH");
    auto* certificate =
        sub->add_option("--tls-cert", flags.tls_certificate, "Certificate chain, PEM")
            ->type_name("FILE");
    auto* key = sub->add_option("--tls-key", flags.tls_key, "Its key, PEM")->type_name("FILE");
    certificate->needs(key);
    key->needs(certificate);
    sub->add_flag("--allow-plaintext", flags.allow_plaintext,
                  "Allow passwords over connections without TLS");
    sub->add_option("--threads", flags.threads, "Network threads; 0: one a core")
        ->check(CLI::Range(0, 256));
    sub->add_option("--log-level", flags.log_level, "trace, debug, info, warning, error or off")
        ->type_name("LEVEL");
    sub->add_option("--log-format", flags.log_format, "text or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json"}));
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
