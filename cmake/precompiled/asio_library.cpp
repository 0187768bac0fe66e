// The non-template halves of Boost.Asio and Beast, compiled once for everybody.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
