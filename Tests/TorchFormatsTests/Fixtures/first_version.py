"""Writes first_version.tar as the first versions of PyTorch did (today's can only read it), and checks with PyTorch that it is one.
python first_version.py FOLDER"""
import io
import pickle
import struct
import sys
import tarfile
import torch

storages, tensors = io.BytesIO(), io.BytesIO()
floats, longs = [1.5, -2.0, 3.25, 4.0, 5.0, 6.5], [7, -8]
pickle.dump(2, storages, 2)
for key, cls, code, values in ((11, torch.FloatStorage, "f", floats), (12, torch.LongStorage, "q", longs)):
    pickle.dump((key, "cuda:0" if key == 11 else "cpu", cls), storages, 2)
    storages.write(struct.pack("<q", len(values)) + struct.pack(f"<{len(values)}{code}", *values))
pickle.dump([], storages, 2)
pickle.dump(3, tensors, 2)
for key, storage, cls, sizes, strides, offset in ((21, 11, torch.FloatTensor, (2, 3), (3, 1), 0), (22, 11, torch.FloatTensor, (2, 2), (1, 3), 1), (23, 12, torch.LongTensor, (2,), (1,), 0)):
    pickle.dump((key, storage, cls), tensors, 2)
    tensors.write(struct.pack("<ii", len(sizes), 0) + struct.pack(f"<{len(sizes)}q", *sizes) + struct.pack(f"<{len(sizes)}q", *strides) + struct.pack("<q", offset))


class Reference:
    def __init__(self, key):
        self.key = key


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return str(obj.key) if isinstance(obj, Reference) else None


tree = io.BytesIO()
Pickler(tree, 2).dump({"weight": Reference(21), "transposed": Reference(22), "counts": Reference(23), "epoch": 4})
path = f"{sys.argv[1]}/first_version.tar"
with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
    for name, data in (("sys_info", pickle.dumps({"protocol_version": 1000, "little_endian": True}, 2)), ("pickle", tree.getvalue()), ("tensors", tensors.getvalue()), ("storages", storages.getvalue())):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
loaded = torch.load(path, weights_only=False, map_location="cpu")
assert loaded["weight"].tolist() == [[1.5, -2, 3.25], [4, 5, 6.5]] and loaded["transposed"].tolist() == [[-2, 5], [3.25, 6.5]] and loaded["counts"].tolist() == longs, loaded
