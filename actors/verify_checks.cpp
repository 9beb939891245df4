#include "actors/verify_checks.hpp"

#include "actors/auth/account_name.hpp"
#include "protocol/mailbox_name.hpp"
#include "protocol/message/summary.hpp"
#include "protocol/types.hpp"

namespace tidemark::actors {

void set_verify_checks(storage::VerifyOptions& verify) {
    verify.summary_matches = [](storage::BodyId, std::string_view message,
                                std::string_view stored) {
        return protocol::message::encode_summary(protocol::message::make_summary(message)) ==
               stored;
    };
    verify.mailbox_name_is_legal = [](std::string_view name) {
        const auto parsed = protocol::MailboxName::from_utf8(name);
        return parsed && parsed->utf8() == name;
    };
    verify.account_name_is_legal = [](std::string_view name) {
        const auto normal = normalize_account_name(name);
        return normal && *normal == name;
    };
    verify.keyword_is_legal = [](std::string_view keyword) {
        const auto flag = protocol::Flag::parse(keyword);
        return flag.has_value();
    };
}

}  // namespace tidemark::actors
