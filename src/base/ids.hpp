// Strong identifiers. An id of one kind never passes for another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace rouse {

template <class Tag>
struct Id {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(Id, Id) = default;
};

using ModelId = Id<struct ModelTag>;      // a place in the catalogue; small and dense, reused only after removal
using WorkerId = Id<struct WorkerTag>;    // one process (tree) of an engine; never reused
using RequestId = Id<struct RequestTag>;  // one request or operator's command; never reused
using ClientId = Id<struct ClientTag>;    // whoever requests are shared out between fairly
using DeviceId = Id<struct DeviceTag>;    // 0 is the host, 1 is gpu0, 2 is gpu1, …; groups of models, from kFirstGroup

// From here on what asks for memory is no model but a reservation: bytes for a program outside.
inline constexpr ModelId kFirstReservation{std::uint64_t{1} << 48U};
constexpr bool is_reservation(ModelId id) { return id >= kFirstReservation; }

inline constexpr DeviceId kHost{0};
// From here on a device is a group of models: it offers places instead of bytes, and each loaded model takes one.
inline constexpr DeviceId kFirstGroup{1U << 16U};
constexpr bool is_group(DeviceId id) { return id >= kFirstGroup; }

}  // namespace rouse

template <class Tag>
struct std::hash<rouse::Id<Tag>> {
  std::size_t operator()(rouse::Id<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
