#pragma once

#include "protocol/command.hpp"
#include "protocol/cursor.hpp"
#include "protocol/parse_command.hpp"

// The parse functions of the verbs: each starts right after its verb (at the space before the first
// argument) and stops after its last argument. Only parse_command.cpp and the area files include
// this.

namespace tidemark::protocol {

// parse_auth.cpp
[[nodiscard]] bool parse_id(Cursor& cursor, command::Id& id);
[[nodiscard]] bool parse_authenticate(Cursor& cursor, command::Authenticate& authenticate);
[[nodiscard]] bool parse_login(Cursor& cursor, command::Login& login);
[[nodiscard]] bool parse_enable(Cursor& cursor, command::Enable& enable);
[[nodiscard]] bool parse_compress(Cursor& cursor, command::Compress& compress);

// parse_mailbox.cpp
[[nodiscard]] bool parse_mailbox_argument(Cursor& cursor, WireMailbox& mailbox);
[[nodiscard]] bool parse_create(Cursor& cursor, command::Create& create);
[[nodiscard]] bool parse_rename(Cursor& cursor, command::Rename& rename);
[[nodiscard]] bool parse_get_quota(Cursor& cursor, command::GetQuota& get_quota);

// parse_select.cpp
[[nodiscard]] bool parse_select(Cursor& cursor, command::Select& select);

// parse_status.cpp
[[nodiscard]] bool parse_status(Cursor& cursor, command::Status& status);
[[nodiscard]] bool parse_status_items(Cursor& cursor, StatusItems& items);

// parse_list.cpp
[[nodiscard]] bool parse_list(Cursor& cursor, command::List& list);
[[nodiscard]] bool parse_lsub(Cursor& cursor, command::Lsub& lsub);

// parse_append.cpp
[[nodiscard]] bool parse_append(Cursor& cursor, command::Append& append);
[[nodiscard]] bool parse_append_options(Cursor& cursor, AppendOptions& options);

// parse_search.cpp
[[nodiscard]] bool parse_search(Cursor& cursor, command::Search& search);
[[nodiscard]] bool parse_search_return(Cursor& cursor, SearchReturn& returns);
[[nodiscard]] bool parse_search_keys(Cursor& cursor, SearchKey& key);
[[nodiscard]] bool parse_charset(Cursor& cursor, std::optional<std::string>& charset);

// parse_sort.cpp
[[nodiscard]] bool parse_sort(Cursor& cursor, command::Sort& sort);
[[nodiscard]] bool parse_thread(Cursor& cursor, command::Thread& thread);

// parse_fetch.cpp
[[nodiscard]] bool parse_fetch(Cursor& cursor, command::Fetch& fetch);

// parse_store.cpp
[[nodiscard]] bool parse_store(Cursor& cursor, command::Store& store);
[[nodiscard]] bool parse_set_and_mailbox(Cursor& cursor, SequenceSet& set, WireMailbox& mailbox);

}  // namespace tidemark::protocol
