"""What NVIDIA's driver says of one GPU, read without Rouse: the driver's own library, through ctypes."""

import ctypes


class Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Process(ctypes.Structure):
    _fields_ = [("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong), ("gpu_instance", ctypes.c_uint),
                ("compute_instance", ctypes.c_uint)]


UNKNOWN = (1 << 64) - 1  # the driver does not tell whose the bytes are


class Meter:
    def __init__(self, library: str = "libnvidia-ml.so.1", index: int = 0):
        self.nvml = ctypes.CDLL(library)
        self._call("nvmlInit_v2")
        self.device = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(self.device))

    def _call(self, name: str, *arguments) -> None:
        if code := getattr(self.nvml, name)(*arguments):
            raise OSError(f"{name}: NVML error {code}")

    def _text(self, name: str, *before) -> str:
        if not hasattr(self.nvml, name):  # a fixture need not have names
            return "unknown"
        text = ctypes.create_string_buffer(96)
        self._call(name, *before, text, ctypes.c_uint(len(text)))
        return text.value.decode()

    def name(self) -> str:
        return self._text("nvmlDeviceGetName", self.device)

    def driver(self) -> str:
        return self._text("nvmlSystemGetDriverVersion")

    def memory(self) -> Memory:
        memory = Memory()
        self._call("nvmlDeviceGetMemoryInfo", self.device, ctypes.byref(memory))
        return memory

    def used(self) -> int:
        return self.memory().used

    def processes(self) -> dict[int, int]:
        """Bytes by process; without those whose bytes are not told."""
        count = ctypes.c_uint(256)
        found = (Process * count.value)()
        self._call("nvmlDeviceGetComputeRunningProcesses_v3", self.device, ctypes.byref(count), found)
        return {p.pid: p.used for p in found[:count.value] if p.used != UNKNOWN}
