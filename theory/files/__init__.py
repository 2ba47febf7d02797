"""Arrays in files as people have them: .npy, .npz, .pt, .safetensors, any number of them, mapped.

`members` says what a file holds, by names and headers alone; `opened` picks one array of one file or of
many. Nothing in a file is run.
"""
