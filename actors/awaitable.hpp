#pragma once

#include <asio/awaitable.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

namespace tidemark::actors {

// The executor is the concrete one of an io_context: asio::any_io_executor would type-erase it and
// make every awaitable frame and pending operation bigger.
using Executor = asio::io_context::executor_type;

template <class T = void>
using Awaitable = asio::awaitable<T, Executor>;

// Completion token for Asio's own operations: `auto [error, value] = co_await op(…, as_result);`.
inline constexpr asio::experimental::as_tuple_t<asio::use_awaitable_t<Executor>> as_result{
    asio::use_awaitable_t<Executor>{}};

}  // namespace tidemark::actors
