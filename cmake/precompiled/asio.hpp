// Boost.Asio and Beast, parsed once for those who ask for PRECOMPILED_ASIO. A file that uses something of this
// still includes it by name: clang-tidy reads each file without.
#pragma once

#include "standard.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <coroutine>
