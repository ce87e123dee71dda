"""Files of arrays: IDX, .npy and .npz."""
