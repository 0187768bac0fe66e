// The coroutine type of everything that waits on the owner thread.
//
// The executor is io_context's own and not any_io_executor: no type erasure on the path of a request. A
// coroutine can only await one of the same executor, so whatever a handler awaits is a Task (or any Asio
// operation). Spawn with boost::asio::co_spawn(io.get_executor(), task(), …).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace rouse::http {

using Executor = boost::asio::io_context::executor_type;

template <class T>
using Task = boost::asio::awaitable<T, Executor>;

}  // namespace rouse::http
